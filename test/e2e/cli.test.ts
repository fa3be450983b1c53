// The commands beside `serve`: the API's operations against a running server, and the check of a document.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { operatorCredentials } from '../support/process-clients.ts';
import { runGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { Finished, RunningServer } from '../support/process.ts';

const LIBRARY = join(import.meta.dirname, '../fixtures/openapi/library-3.0.yaml');
const ROLE = 'arn:aws:iam::000000000000:role/r';

describe('API commands', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  });
  const run = (...args: string[]): Promise<Finished> =>
    runGatewright([...args, '--endpoint-url', server.url, '--data-dir', server.dataDir]);
  const json = async (...args: string[]): Promise<Record<string, unknown>> => {
    const finished = await run(...args);
    expect(finished, finished.stderr).toMatchObject({ code: 0, stderr: '' });
    return finished.stdout === '' ? {} : (JSON.parse(finished.stdout) as Record<string, unknown>);
  };

  it('make, show, list and delete what the API has', async () => {
    const { gatewayId } = await json(
      'create-gateway',
      '--name',
      'by-hand',
      '--role-arn',
      ROLE,
      '--authorizer-type',
      'NONE',
      '--protocol-type',
      'MCP',
      '--tags',
      '{"team":"a=b c"}',
    );
    const id = String(gatewayId);
    expect(await json('get-gateway', '--gateway-identifier', id)).toMatchObject({
      gatewayId,
      name: 'by-hand',
      status: 'READY',
    });
    const configuration = join(temporaryFolder(), 'target.json');
    writeFileSync(
      configuration,
      JSON.stringify({
        gatewayIdentifier: id,
        name: 'small',
        targetConfiguration: {
          mcp: {
            openApiSchema: { inlinePayload: '{"openapi":"3.0.0","info":{},"paths":{"/a":{"get":{}}}}' },
          },
        },
      }),
    );
    const { targetId } = await json('create-gateway-target', '--cli-input-json', `file://${configuration}`);
    const target = ['--gateway-identifier', id, '--target-id', String(targetId)];
    await expect
      .poll(async () => (await json('get-gateway-target', ...target))['status'], { timeout: 20_000 })
      .toBe('READY');
    expect(await json('get-gateway-target-import-report', ...target)).toMatchObject({ report: { tools: 1 } });
    expect(await json('list-gateways', '--max-results', '1')).toMatchObject({ items: [{ name: 'by-hand' }] });
    const arn = String((await json('get-gateway', '--gateway-identifier', id))['gatewayArn']);
    await json('tag-resource', '--resource-arn', arn, '--tags', '{"x":"1"}');
    await json('untag-resource', '--resource-arn', arn, '--tag-keys', '["x","team"]');
    expect(await json('list-tags-for-resource', '--resource-arn', arn)).toEqual({ tags: {} });
    await json('delete-gateway-target', ...target);
    await expect
      .poll(async () => (await run('delete-gateway', '--gateway-identifier', id)).code, { timeout: 20_000 })
      .toBe(0);
  });

  it('say what went wrong and exit with 1', async () => {
    for (const [args, message] of [
      [['get-gateway', '--gateway-identifier', 'none-0123456789'], /^ResourceNotFoundException: .+\n$/],
      [['get-gateway'], /needs --gateway-identifier/],
      [
        ['create-gateway', '--name', '-bad-', '--role-arn', ROLE, '--authorizer-type', 'SOME'],
        /^ValidationException: /,
      ],
      [['create-gateway', '--cli-input-json', '{"name":'], /--cli-input-json is not JSON/],
      [['tag-resource', '--resource-arn', 'arn:x', '--tags', 'x=1'], /--tags is not JSON/],
      [['create-gateway', '--cli-input-json', 'file:///no/such/file'], /no\/such\/file/],
      [['create-gateway', '--cli-input-json', '{"nmae":"x"}'], /nmae|--name/],
    ] as const) {
      const { code, stdout, stderr } = await run(...args);
      expect({ code, stdout }, args.join(' ')).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(message);
    }
  });

  it('say whom they could not reach, and which credentials they miss', async () => {
    const nobody = await runGatewright([
      'list-gateways',
      '--endpoint-url',
      'http://127.0.0.1:9',
      '--data-dir',
      server.dataDir,
    ]);
    expect(nobody).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/127\.0\.0\.1:9.*--endpoint-url/),
    });
    const keyless = await runGatewright([
      'list-gateways',
      '--endpoint-url',
      server.url,
      '--data-dir',
      join(temporaryFolder(), 'none'),
    ]);
    expect(keyless).toMatchObject({ code: 1, stderr: expect.stringMatching(/credentials.*--data-dir/) });
    const { accessKeyId } = operatorCredentials(server.dataDir);
    const wrong = await runGatewright(['list-gateways', '--endpoint-url', server.url], {
      env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: 'not the right one at all' },
      cwd: temporaryFolder(),
    });
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/Exception/);
  });
});

describe('check-openapi', () => {
  it('shows what an import would make of a document', async () => {
    const text = await runGatewright(['check-openapi', LIBRARY]);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(/^Library \(OpenAPI 3\.0\.3\)\n4 tools from 4 operations/);
    const json = await runGatewright(['check-openapi', LIBRARY, '--json']);
    const { report, tools } = JSON.parse(json.stdout) as {
      report: object;
      tools: { name: string; inputSchema: object }[];
    };
    expect(report).toMatchObject({ tools: 4, operations: 4 });
    expect(tools.map(({ name }) => name)).toContain('listBooks');
    expect(tools[0]?.inputSchema).toMatchObject({ type: 'object' });
  });

  it('says where a document is broken', async () => {
    const folder = temporaryFolder();
    for (const [name, content, message] of [
      ['broken.json', '{\n  "openapi": "3.0.3",\n  "paths": {,}\n}', /line 3,? column \d+/],
      ['broken.yaml', 'openapi: 3.0.3\npaths:\n  /a: {get: [}\n', /line 3,? column \d+/],
      ['other.json', '{"hello": 1}', /openapi/i],
      ['empty.yaml', '', /empty|openapi/i],
      ['cut.json.gz', gzipSync('{}').subarray(0, 12), /cut\.json\.gz/],
    ] as const) {
      writeFileSync(join(folder, name), content);
      const { code, stdout, stderr } = await runGatewright(['check-openapi', join(folder, name)]);
      expect({ code, stdout }, name).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/\n\s+at /);
    }
    const missing = await runGatewright(['check-openapi', join(folder, 'nothing.json')]);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing.json') });
  });
});

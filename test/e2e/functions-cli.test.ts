// `gatewright functions` and `gatewright add lambda` against the real server, as an operator types them.

import { chmodSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { archiveOf, filesOf } from '../../src/cli/function-archive.ts';
import { runGatewright, spawnGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { Finished, RunningServer } from '../support/process.ts';

const HANDLER = `exports.handler = async (event, context) => {
  const toolName = context.clientContext?.custom?.bedrockAgentCoreToolName?.split('___')[1];
  if (toolName === 'get_order') return { orderId: event.orderId, status: 'shipped' };
  if (toolName === 'cancel_order') return { orderId: event['orderId'], reason: event.reason };
  console.log('called with', JSON.stringify(event), process.env.GREETING);
  return { event, greeting: process.env.GREETING };
};
`;

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const commandsOf =
  ({ url, dataDir }: RunningServer) =>
  (...args: readonly string[]): Promise<Finished> =>
    runGatewright([...args, '--endpoint-url', url, '--data-dir', dataDir]);

describe('gatewright functions', () => {
  it('deploys, lists, calls, shows the log, changes and deletes', async () => {
    const run = commandsOf(await startServer());
    const folder = folderOf({
      'index.js': HANDLER,
      'node_modules/numbers/index.js': 'module.exports = 1;',
      '.env': 'SECRET=1',
      'notes.log': 'x',
    });
    const made = await run(
      'functions',
      'deploy',
      folder,
      '--name',
      'orders',
      '--env',
      'GREETING=hello=you',
      '--timeout',
      '9',
    );
    expect(made.stderr).toMatch(/^Made orders: nodejs24\.x, index\.handler, 2 files, \d+ bytes packed\.\n$/);
    expect(made.stdout).toBe('arn:aws:lambda:us-east-1:000000000000:function:orders\n');
    const called = await run('functions', 'invoke', 'orders', '--payload', '{"a":1}', '--log');
    expect(called.code).toBe(0);
    expect(JSON.parse(called.stdout)).toEqual({ event: { a: 1 }, greeting: 'hello=you' });
    expect(called.stderr).toContain('called with {"a":1} hello=you');
    expect((await run('functions', 'logs', 'orders')).stdout).toMatch(/^\d{4}-\S+Z .*called with \{"a":1\}/m);
    expect((await run('functions', 'list')).stdout).toMatch(/^orders\tnodejs24\.x\tindex\.handler\t/);
    writeFileSync(
      join(folder, 'index.js'),
      'exports.handler = async () => { throw new Error("not today"); };',
    );
    const changed = await run('functions', 'deploy', folder, '--name', 'orders', '--network', 'host');
    expect(changed.stderr).toMatch(/^Changed orders: nodejs24\.x/);
    const failed = await run('functions', 'invoke', 'orders');
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({ errorType: 'Error', errorMessage: 'not today' });
    expect(failed.stderr).toContain('The function failed (Unhandled).');
    expect((await run('functions', 'deploy', folder, '--name', 'orders', '--network', 'some')).code).toBe(2);
    // Where there are no namespaces it does not run like this: what is said either way names the setting or its effect.
    writeFileSync(
      join(folder, 'index.js'),
      'exports.handler = () => new Promise((r) => require("node:net").connect(80, "127.0.0.1").once("error", (e) => r(e.code)).once("connect", () => r("open")));',
    );
    await run('functions', 'deploy', folder, '--name', 'orders', '--network', 'none');
    const cut = await run('functions', 'invoke', 'orders');
    expect(`${cut.stdout}${cut.stderr}`).toMatch(/ENETUNREACH|gatewright:network is none/);
    expect((await run('functions', 'delete', 'orders')).stdout).toBe('orders is deleted.\n');
    const gone = await run('functions', 'invoke', 'orders');
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain(
      'ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:000000000000:function:orders',
    );
    expect((await run('functions', 'list')).stdout).toContain('There are no functions yet');
  });

  it('finds the handler of a Python folder and of an executable; says what it cannot find', async () => {
    const run = commandsOf(await startServer({ env: { PATH: process.env['PATH'] ?? '' } }));
    const python = folderOf({
      'lambda_function.py': 'def lambda_handler(event, context):\n    return {"n": event["n"] + 1}\n',
    });
    const made = await run('functions', 'deploy', python, '--name', 'snake');
    expect(made.stderr).toMatch(/^Made snake: python3\.12, lambda_function\.lambda_handler, 1 files/);
    const custom = folderOf({ bootstrap: '#!/bin/sh\nexit 1\n' });
    chmodSync(join(custom, 'bootstrap'), 0o755);
    expect((await run('functions', 'deploy', custom, '--name', 'custom')).stderr).toContain(
      'provided.al2023',
    );
    const unclear = folderOf({ 'readme.txt': 'nothing' });
    const refused = await run('functions', 'deploy', unclear, '--name', 'what');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('--runtime <runtime> --handler <file>.<function>');
    expect((await run('functions', 'deploy', join(unclear, 'nowhere'), '--name', 'what')).stderr).toContain(
      'cannot be read',
    );
    const wrong = await run(
      'functions',
      'deploy',
      unclear,
      '--name',
      'what',
      '--runtime',
      'java21',
      '--handler',
      'a.b',
    );
    expect(wrong.stderr).toContain('InvalidParameterValueException');
    expect((await run('functions', 'deploy', python)).code).toBe(2);
  });

  it('logs --follow goes on until it is interrupted', async () => {
    const server = await startServer();
    const run = commandsOf(server);
    await run('functions', 'deploy', folderOf({ 'index.js': HANDLER }), '--name', 'orders');
    const following = spawnGatewright([
      'functions',
      'logs',
      'orders',
      '--follow',
      '--endpoint-url',
      server.url,
      '--data-dir',
      server.dataDir,
    ]);
    const until = (text: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!following.stdout().includes(text)) return;
          following.child.stdout?.off('data', look);
          resolve();
        };
        following.child.stdout?.on('data', look);
        look();
      });
    await run('functions', 'invoke', 'orders', '--payload', '{"first":true}');
    await until('"first":true');
    await run('functions', 'invoke', 'orders', '--payload', '{"second":true}');
    await until('"second":true');
    expect(following.stdout().match(/"first":true/g)).toHaveLength(1);
    await following.kill('SIGINT');
  });
});

describe('gatewright add lambda', () => {
  it('drafts a tool schema, and puts the function behind a gateway with it', async () => {
    const server = await startServer();
    const run = commandsOf(server);
    await run('functions', 'deploy', folderOf({ 'index.js': HANDLER }), '--name', 'orders');
    const gateway = await run(
      'create-gateway',
      '--name',
      'shop',
      '--role-arn',
      'arn:aws:iam::000000000000:role/g',
      '--protocol-type',
      'MCP',
      '--authorizer-type',
      'NONE',
    );
    const { gatewayUrl } = JSON.parse(gateway.stdout) as { gatewayUrl: string };
    const file = join(temporaryFolder(), 'tools.json');
    const drafted = await run('add', 'lambda', '--gateway', 'shop', '--function', 'orders', '--out', file);
    expect(drafted.stdout).toContain('2 tools: get_order, cancel_order');
    const tools = JSON.parse(readFileSync(file, 'utf8')) as object[];
    expect(tools).toMatchObject([
      {
        name: 'get_order',
        inputSchema: {
          type: 'object',
          properties: { orderId: { type: 'string' }, reason: { type: 'string' } },
        },
      },
      { name: 'cancel_order' },
    ]);
    expect(
      (await run('add', 'lambda', '--gateway', 'shop', '--function', 'orders', '--out', file)).stderr,
    ).toContain('is there already');
    const added = await run('add', 'lambda', '--gateway', 'shop', '--function', 'orders', '--schema', file);
    expect(added.stderr).toBe('');
    expect(added.stdout).toMatch(/^The target orders \(\w{10}\) is ready\.\n$/);
    const answer = await fetch(gatewayUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-06-18',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'orders___get_order', arguments: { orderId: '123' } },
      }),
    });
    const { result } = (await answer.json()) as { result: { content: { text: string }[]; isError: boolean } };
    expect(result.isError).toBe(false);
    expect(JSON.parse(result.content[0]?.text ?? '')).toEqual({ orderId: '123', status: 'shipped' });
    expect(
      (await run('add', 'lambda', '--gateway', 'nowhere', '--function', 'orders', '--schema', file)).stderr,
    ).toContain('There is no gateway with the id or the name nowhere');
    expect((await run('add', 'lambda', '--gateway', 'shop', '--function', 'nobody')).stderr).toContain(
      'There is no local function named nobody',
    );
  });
});

describe('archives of folders', () => {
  it('are the same bytes for the same files, whenever they were written', async () => {
    const files = { 'index.js': HANDLER, 'lib/a.js': 'a', 'lib/b.js': 'b' };
    const [one, two] = [folderOf(files), folderOf(files)];
    utimesSync(join(two, 'index.js'), new Date(1e12), new Date(1e12));
    const [first, second] = await Promise.all([one, two].map((folder) => archiveOf(filesOf(folder))));
    expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
  });

  it('leave out what nobody deploys and what .gatewrightignore names; links are followed inside and refused outside', () => {
    const folder = folderOf({
      'index.js': '',
      'keep.log': '',
      'other.log': '',
      'docs/a.md': '',
      'src/docs/b.md': '',
      'src/deep/test/c.js': '',
      'src/deep/d.test.js': '',
      '.git/config': '',
      '__pycache__/a.pyc': '',
      'node_modules/.bin/tool': '',
      'node_modules/left/index.js': '',
      '.gatewrightignore': '# comment\n!keep.log\n/docs/\n**/test/\n*.test.js\n',
    });
    symlinkSync(join(folder, 'index.js'), join(folder, 'link.js'));
    expect(filesOf(folder).map(({ name }) => name)).toEqual([
      'index.js',
      'keep.log',
      'link.js',
      'node_modules/left/index.js',
      'src/docs/b.md',
    ]);
    symlinkSync('/etc/passwd', join(folder, 'outside'));
    expect(() => filesOf(folder)).toThrow(/outside is a link to \/etc\/passwd, outside of the folder/);
  });
});

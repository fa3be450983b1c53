// The main job in one line, as its user meets it: `serve --openapi …` against the real process, with the official
// MCP client in front and an API behind that notes exactly what it was sent.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { allTools, mcpClient, startUpstream, textOf } from '../support/process-clients.ts';
import {
  closing,
  filesOf,
  runGatewright,
  spawnGatewright,
  startServer,
  temporaryFolder,
} from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';

const GITHUB = join(
  import.meta.dirname,
  '../../../shared/corpus/openapi/octokit-openapi-api.github.com.json.gz',
);
const LIBRARY = join(import.meta.dirname, '../fixtures/openapi/library-3.0.yaml');
const KEY = 'canary-key-0123456789abcdef';

/** A document of the given GET operations, without any server of its own. */
const documentOf = (...operations: string[]): string =>
  JSON.stringify({
    openapi: '3.0.3',
    info: { title: 'Small', version: '1' },
    paths: Object.fromEntries(
      operations.map((id) => [
        `/${id}`,
        { get: { operationId: id, responses: { 200: { description: 'ok' } } } },
      ]),
    ),
  });

function fileOf(name: string, content: string | Buffer): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
}

const importedOf = (server: RunningServer) => {
  const line = server.lines.find(({ msg }) => msg === 'imported');
  return {
    tools: line?.['tools'],
    mcpUrl: String(line?.['mcpUrl']),
    skipped: line?.['skipped'],
    snippet: String(line?.['mcpClientConfiguration']),
  };
};

describe('the published description of GitHub', () => {
  it.skipIf(!existsSync(GITHUB))(
    'becomes tools that an MCP client lists and calls, while other calls go on',
    async () => {
      const upstream = await startUpstream((request, response) => {
        response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ method: request.method, target: request.target, id: '{12345678901234567890}' }),
        );
      });
      const dataDir = join(temporaryFolder(), 'data');
      // A gateway that is there before: its calls are what must go on.
      const before = await startServer({
        dataDir,
        args: ['--openapi', fileOf('other.json', documentOf('ping')), '--upstream', upstream.url],
      });
      const otherUrl = importedOf(before).mcpUrl;
      const port = new URL(before.url).port;
      expect(await before.stop()).toEqual({ code: 0, signal: null });

      const run = spawnGatewright(
        [
          'serve',
          '--listen',
          `127.0.0.1:${port}`,
          '--data-dir',
          dataDir,
          '--openapi',
          GITHUB,
          '--name',
          'github',
          '--upstream',
          upstream.url,
          '--api-key',
          'env:GITHUB_TOKEN',
          '--api-key-prefix',
          'Bearer',
        ],
        { env: { GITHUB_TOKEN: KEY, GATEWRIGHT_EGRESS_ALLOW: new URL(upstream.url).host } },
      );
      let isReady = false;
      const ready = run.line(({ msg }) => msg === 'ready').finally(() => (isReady = true));
      let during = 0;
      while (!isReady) {
        const answer = await callOnce(otherUrl, 'other___ping');
        if (answer === 'refused') await new Promise((resolve) => setTimeout(resolve, 20));
        else {
          expect(answer).toBe('200');
          if (!isReady) during += 1;
        }
      }
      await ready;
      expect(during).toBeGreaterThan(20);

      const imported = run.lines.find(({ msg }) => msg === 'imported');
      const mcpUrl = String(imported?.['mcpUrl']);
      expect(JSON.parse(String(imported?.['mcpClientConfiguration']))).toEqual({
        mcpServers: { github: { type: 'http', url: mcpUrl } },
      });
      expect(run.lines.filter(({ msg }) => msg === 'skipped')).toHaveLength(Number(imported?.['skipped']));

      const client = await mcpClient(mcpUrl);
      const tools = await allTools(client);
      expect(tools).toHaveLength(Number(imported?.['tools']));
      expect(tools.length).toBeGreaterThan(1100);
      expect(new Set(tools.map(({ name }) => name)).size).toBe(tools.length);
      const toolFor = (id: string): string =>
        tools.find(({ name }) => name === `github___${id}`)?.name ?? `no tool ${id}`;

      upstream.received.length = 0;
      const got = await client.callTool({
        name: toolFor('repos_get'),
        arguments: { owner: 'octo cat', repo: 'a/b' },
      });
      expect(got.isError).not.toBe(true);
      expect(textOf(got)).toContain('{12345678901234567890}');
      await client.callTool({ name: toolFor('search_repos'), arguments: { q: 'a+b&c', per_page: 5 } });
      await client.callTool({
        name: toolFor('issues_create'),
        arguments: { owner: 'o', repo: 'r', title: 'Ünïcode "x"', labels: ['a', 'b'] },
      });
      expect(upstream.received.map(({ method, target, body }) => ({ method, target, body }))).toEqual([
        { method: 'GET', target: '/repos/octo%20cat/a%2Fb', body: '' },
        { method: 'GET', target: '/search/repositories?q=a%2Bb%26c&per_page=5', body: '' },
        {
          method: 'POST',
          target: '/repos/o/r/issues',
          body: '{"title":"Ünïcode \\"x\\"","labels":["a","b"]}',
        },
      ]);
      for (const { headers } of upstream.received) {
        expect(headers['authorization']).toBe(`Bearer ${KEY}`);
        expect(Object.keys(headers).filter((name) => /mcp|forward|via|cookie|origin/.test(name))).toEqual([]);
      }
      expect(upstream.received[2]?.headers['content-type']).toBe('application/json');

      // The key is where it belongs and nowhere else.
      expect(JSON.stringify(got)).not.toContain(KEY);
      expect(run.stdout() + run.stderr()).not.toContain(KEY);
      for (const entry of filesOf(dataDir))
        expect(readFileSync(join(dataDir, entry)).includes(KEY), entry).toBe(false);
      expect(await run.kill('SIGTERM')).toEqual({ code: 0, signal: null });

      // A restart never says that the gateway does not exist: callers would believe it.
      const again = spawnGatewright(['serve', '--listen', `127.0.0.1:${port}`, '--data-dir', dataDir], {
        env: { GATEWRIGHT_EGRESS_ALLOW: new URL(upstream.url).host },
      });
      let answer: string;
      do answer = await callOnce(mcpUrl, toolFor('meta_root'));
      while (answer === 'refused');
      expect(answer).toBe('200');
      await again.line(({ msg }) => msg === 'ready');
      expect(await again.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    },
  );
});

describe('a small document', () => {
  it('keeps its gateway over restarts, and follows the document and the flags', async () => {
    const upstream = await startUpstream();
    const dataDir = join(temporaryFolder(), 'data');
    const path = fileOf('shop.api.json', documentOf('one', 'two'));
    const start = (...more: string[]) =>
      startServer({ dataDir, args: ['--openapi', path, '--upstream', upstream.url, ...more] });
    const names = async (url: string) => (await allTools(await mcpClient(url))).map(({ name }) => name);

    const first = await start();
    const { mcpUrl } = importedOf(first);
    expect(await names(mcpUrl)).toEqual(['shop-api___one', 'shop-api___two']);
    await first.stop();

    const second = await startServer({
      dataDir,
      listen: new URL(first.url).host,
      args: ['--openapi', path, '--upstream', upstream.url],
    });
    expect(importedOf(second).mcpUrl).toBe(mcpUrl);
    await second.stop();

    writeFileSync(path, documentOf('two', 'three'));
    const third = await start();
    expect(new URL(importedOf(third).mcpUrl).pathname).toBe(new URL(mcpUrl).pathname);
    expect(await names(importedOf(third).mcpUrl)).toEqual(['shop-api___two', 'shop-api___three']);
    await third.stop();

    const filtered = await start('--include-paths', '/three', '--bare-names', '--search');
    expect(await names(importedOf(filtered).mcpUrl)).toEqual(['x_amz_bedrock_agentcore_search', 'three']);
    await filtered.stop();

    const unfiltered = await start();
    expect(await names(importedOf(unfiltered).mcpUrl)).toEqual(['shop-api___two', 'shop-api___three']);
    await unfiltered.stop();

    // Without the document, what it made is still served.
    const plain = await startServer({ dataDir });
    expect(await names(`${plain.url}${new URL(mcpUrl).pathname}`)).toHaveLength(2);
    await plain.stop();
  });

  it('is read as YAML, packed, from standard input and by URL, with the upstream beside it', async () => {
    const upstream = await startUpstream((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('[]'),
    );
    const web = await serveFile(gzipSync(documentOf('served')));
    for (const [args, input, tools] of [
      [['--openapi', LIBRARY], undefined, 4],
      [['--openapi', fileOf('packed.json.gz', gzipSync(documentOf('a', 'b', 'c')))], undefined, 3],
      [['--openapi', '-', '--name', 'piped'], documentOf('a'), 1],
      [['--openapi', `${web}/v1/openapi.json`], undefined, 1],
    ] as const) {
      const server = await startServer({
        args: [...args, '--upstream', `${upstream.url}/base`],
        ...(input === undefined ? {} : { input }),
      });
      expect(importedOf(server).tools, args.join(' ')).toBe(tools);
      const client = await mcpClient(importedOf(server).mcpUrl);
      const [tool] = await allTools(client);
      const result = await client.callTool({ name: tool?.name ?? '', arguments: {} });
      expect(result.isError, textOf(result)).not.toBe(true);
      expect(upstream.received.at(-1)?.target).toMatch(/^\/base\//);
      await server.stop();
    }
    // A document without servers that came from a URL is served by where it came from.
    const plain = await serveFile(Buffer.from(documentOf('served')));
    const own = await startServer({ args: ['--openapi', `${plain}/v1/openapi.json`] });
    const client = await mcpClient(importedOf(own).mcpUrl);
    expect(textOf(await client.callTool({ name: 'openapi___served', arguments: {} }))).toContain(
      'operationId',
    );
    await own.stop();
  });

  it('that cannot be imported ends the start with the place of the fault, and an earlier state intact', async () => {
    const dataDir = join(temporaryFolder(), 'data');
    const path = fileOf('doc.json', documentOf('kept'));
    const good = await startServer({ dataDir, args: ['--openapi', path] });
    const { mcpUrl } = importedOf(good);
    await good.stop();
    writeFileSync(path, '{\n  "openapi": "3.0.3",\n  "paths": {,}\n}');
    const broken = await runGatewright([
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--data-dir',
      dataDir,
      '--openapi',
      path,
    ]);
    expect(broken.code).toBe(1);
    expect(broken.stdout).toMatch(/cannot start/);
    expect(broken.stdout).toMatch(/line 3/);
    const after = await startServer({ dataDir });
    const tools = await allTools(await mcpClient(`${after.url}${new URL(mcpUrl).pathname}`));
    expect(tools.map(({ name }) => name)).toEqual(['doc___kept']);
    await after.stop();
  });
});

describe('who may call', () => {
  it('is nobody beyond this machine unless that is said', async () => {
    const args = [
      'serve',
      '--listen',
      '0.0.0.0:0',
      '--data-dir',
      join(temporaryFolder(), 'data'),
      '--openapi',
      LIBRARY,
    ];
    const refused = await runGatewright(args);
    expect(refused.code).toBe(2);
    expect(refused.stdout + refused.stderr).toMatch(/--jwt-discovery-url.*--allow-unauthenticated/);
    expect(existsSync(args[4] ?? '')).toBe(false);
    const meant = await startServer({
      listen: '0.0.0.0:0',
      args: ['--openapi', LIBRARY, '--allow-unauthenticated'],
    });
    expect(importedOf(meant).tools).toBe(4);
    await meant.stop();
  });
});

async function callOnce(url: string, name: string): Promise<string> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
    });
    const text = await response.text();
    return response.status === 503
      ? 'refused'
      : text.includes('"ok":true') || text.includes('\\"target\\"')
        ? '200'
        : `${response.status} ${text}`;
  } catch {
    return 'refused';
  }
}

async function serveFile(body: Buffer): Promise<string> {
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end(body),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

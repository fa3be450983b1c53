// `serve --mcp …` as its user meets it: the real process in front of a small MCP server, over HTTP and as a program of
// this machine, and what is said when something about it is wrong.

import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetGatewayCommand, ListGatewaysCommand } from '@aws-sdk/client-bedrock-agentcore-control';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { describe, expect, it } from 'vitest';
import { allTools, mcpClient, sdkFor, textOf } from '../support/process-clients.ts';
import { closing, runGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';

const KEY = 'canary-key-0123456789abcdef';
const SDK = join(import.meta.dirname, '../../node_modules/@modelcontextprotocol/sdk/dist/esm/server');

interface Upstream {
  readonly url: string;
  readonly host: string;
  readonly authorizations: (string | undefined)[];
}

/** An MCP server on a free port, without sessions: a tool, a prompt, a resource and a template. */
async function startMcpServer(): Promise<Upstream> {
  const authorizations: (string | undefined)[] = [];
  const http = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    const server = new McpServer({ name: 'weather', version: '1' });
    server.registerTool('forecast', { description: 'The weather' }, () => ({
      content: [{ type: 'text', text: 'sunny' }],
    }));
    server.registerPrompt('greet', {}, () => ({
      messages: [{ role: 'user', content: { type: 'text', text: 'Hello' } }],
    }));
    server.registerResource('today', 'weather://today', {}, (uri) => ({
      contents: [{ uri: uri.href, text: 'sunny' }],
    }));
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    response.once('close', () => void server.close());
    void bodyOf(request).then(async (body) => {
      await server.connect(transport);
      await transport.handleRequest(request, response, body);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    http.closeAllConnections();
    http.close();
  });
  const host = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  return { url: `http://${host}/mcp`, host, authorizations };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}

const importedOf = (server: RunningServer) => server.lines.find(({ msg }) => msg === 'imported') ?? {};

/** A file of one stdio server called `clock`, a program made with the SDK. */
function stdioServersFile(entry: object = {}): string {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, 'clock.mjs'),
    `import { McpServer } from ${JSON.stringify(join(SDK, 'mcp.js'))};
    import { StdioServerTransport } from ${JSON.stringify(join(SDK, 'stdio.js'))};
    console.error('clock is here');
    const server = new McpServer({ name: 'clock', version: '1' });
    server.registerTool('pid', {}, () => ({
      content: [{ type: 'text', text: JSON.stringify({ pid: process.pid, env: Object.keys(process.env) }) }],
    }));
    await server.connect(new StdioServerTransport());`,
  );
  const file = join(folder, 'servers.json');
  writeFileSync(
    file,
    JSON.stringify({
      mcpServers: { clock: { command: process.execPath, args: ['clock.mjs'], env: { OWN: '1' }, ...entry } },
    }),
  );
  return file;
}

describe('an MCP server behind a gateway', () => {
  it('is reached over HTTP by being named, with its key, and keeps its gateway over restarts', async () => {
    const upstream = await startMcpServer();
    const dataDir = join(temporaryFolder(), 'data');
    const server = await startServer({
      dataDir,
      args: ['--mcp', upstream.url, '--api-key', 'env:WEATHER_KEY'],
      env: { WEATHER_KEY: KEY },
    });
    const imported = importedOf(server);
    expect(imported).toMatchObject({ tools: 1, prompts: 1, resources: 1, resourceTemplates: 0, skipped: 0 });
    const mcpUrl = String(imported['mcpUrl']);
    const name = upstream.host.replaceAll(/[.:]/g, '-');
    expect(JSON.parse(String(imported['mcpClientConfiguration']))).toEqual({
      mcpServers: { [name]: { type: 'http', url: mcpUrl } },
    });
    const { items: [gateway] = [] } = await sdkFor(server).send(new ListGatewaysCommand());
    expect(
      await sdkFor(server).send(new GetGatewayCommand({ gatewayIdentifier: gateway?.gatewayId })),
    ).toMatchObject({
      name,
      protocolConfiguration: {
        mcp: {
          sessionConfiguration: { sessionTimeoutInSeconds: 28_800 },
          streamingConfiguration: { enableResponseStreaming: true },
        },
      },
    });
    const client = await mcpClient(mcpUrl);
    expect((await allTools(client)).map(({ name }) => name)).toEqual([`${name}___forecast`]);
    expect(textOf(await client.callTool({ name: `${name}___forecast`, arguments: {} }))).toBe('sunny');
    expect(new Set(upstream.authorizations)).toEqual(new Set([`Bearer ${KEY}`]));
    expect(server.stdout()).not.toContain(KEY);
    expect(await server.stop()).toEqual({ code: 0, signal: null });

    const again = await startServer({
      dataDir,
      listen: new URL(server.url).host,
      args: ['--mcp', upstream.url],
    });
    expect(importedOf(again)['mcpUrl']).toBe(mcpUrl);
    expect(await again.stop()).toEqual({ code: 0, signal: null });
  });

  it('is a program of the operator’s file, which ends with the gateway', async () => {
    const server = await startServer({
      args: ['--mcp', 'stdio:clock', '--stdio-servers', stdioServersFile(), '--bare-names'],
      env: { AWS_SESSION_TOKEN: KEY },
    });
    expect(importedOf(server)).toMatchObject({ tools: 1 });
    expect(server.lines).toContainEqual(
      expect.objectContaining({ msg: 'stdio server says', server: 'clock', line: 'clock is here' }),
    );
    const client = await mcpClient(String(importedOf(server)['mcpUrl']));
    const { pid, env } = JSON.parse(textOf(await client.callTool({ name: 'pid', arguments: {} }))) as {
      pid: number;
      env: string[];
    };
    expect(env).toContain('OWN');
    expect(env).not.toContain('AWS_SESSION_TOKEN');
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('that cannot be reached, or does not start, ends the start with the reason', async () => {
    const upstream = await startMcpServer();
    const args = ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(temporaryFolder(), 'data')];
    const missing = stdioServersFile({ command: 'gatewright-no-such-program' });
    for (const [flags, reason] of [
      [['--mcp', upstream.url.replace('/mcp', '').replace(/\d+$/, '1')], /could not be reached/],
      [['--mcp', 'stdio:clock', '--stdio-servers', missing], /no program gatewright-no-such-program/],
    ] as const) {
      const run = await runGatewright([...args, ...flags]);
      expect(run.code).toBe(1);
      expect(run.stdout).toMatch(reason);
      expect(run.stdout).not.toContain('"ready"');
    }
  });
});

describe('flags of --mcp', () => {
  it('that are wrong are refused before anything is started', async () => {
    const file = stdioServersFile();
    for (const [flags, reason] of [
      [['--mcp', 'mcp.example.com'], /must be a URL such as/],
      [['--mcp', 'stdio:shell', '--stdio-servers', file], /no such server; it has: clock/],
      [['--mcp', 'stdio:clock'], /no such server; it has: none/],
      [['--mcp', 'stdio:clock', '--stdio-servers', file, '--api-key', 'x'], /its env/],
      [['--mcp', 'https://mcp.example.com/', '--openapi', 'x.json'], /give one of them/],
      [
        ['--mcp', 'https://mcp.example.com/', '--upstream', 'https://x.example.com'],
        /--upstream needs --openapi/,
      ],
      [['--mcp', 'https://mcp.example.com/', '--include-tags', 'x'], /--include-tags needs --openapi/],
      [['--mcp', 'https://mcp.example.com/', '--jwt-client', 'x'], /--jwt-client needs --jwt-discovery-url/],
      [['--name', 'x'], /--name needs --openapi or --mcp/],
    ] as const) {
      const run = await runGatewright(['serve', ...flags]);
      expect(run, flags.join(' ')).toMatchObject({ code: 2, stdout: '' });
      expect(run.stderr, flags.join(' ')).toMatch(reason);
    }
  });

  it('of a faulty file of stdio servers name every fault of it', async () => {
    const file = stdioServersFile({ args: 'x', cwd: 'nowhere', shell: true });
    const run = await runGatewright(['serve', '--stdio-servers', file]);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    for (const place of ['clock.args', 'clock.cwd', 'clock.shell']) expect(run.stderr).toContain(place);
  });
});

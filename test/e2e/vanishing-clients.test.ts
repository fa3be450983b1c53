// A thousand clients with streams that vanish without a word: what the process held for them (sockets to clients and
// to servers, child processes) is let go of within seconds, whatever their era.

import { readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import {
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { expect, test, vi } from 'vitest';
import { openFixtureServer } from '../support/fixture-server.ts';
import { modernParts } from '../support/mcp-client.ts';
import { openRawSession } from '../support/mcp-stream.ts';
import { sdkFor } from '../support/process-clients.ts';
import { closing, startServer, temporaryFolder } from '../support/process.ts';

const CLIENTS = 1_000;
/** What is everybody's and stays for a while: the program with its three pipes, an idle connection to the server. */
const SHARED = 4;
const READY_WITHIN = { timeout: 30_000, interval: 100 };
const GONE_WITHIN = { timeout: 5_000, interval: 50 };

/** A program that is an MCP server of one tool, which never answers. */
const PROGRAM = `
import { createInterface } from 'node:readline';
const say = (message) => console.log(JSON.stringify({ jsonrpc: '2.0', ...message }));
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (method === 'initialize')
    say({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'p', version: '1' } } });
  else if (method === 'tools/list')
    say({ id, result: { tools: [{ name: 'wait', inputSchema: { type: 'object' } }] } });
  else if (id !== undefined && method !== 'tools/call') say({ id, error: { code: -32601, message: 'unknown' } });
});`;

/** Sockets and child processes of a process, as the system counts them. */
function heldBy(pid: number): { readonly sockets: number; readonly children: number } {
  const sockets = readdirSync(`/proc/${pid}/fd`).filter((fd) =>
    unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`)).startsWith('socket:'),
  );
  const children = readdirSync('/proc').filter(
    (entry) =>
      /^\d+$/.test(entry) &&
      /^PPid:\s*(\d+)$/m.exec(unlessGone(() => readFileSync(`/proc/${entry}/status`, 'utf8')))?.[1] ===
        String(pid),
  );
  return { sockets: sockets.length, children: children.length };
}

function unlessGone(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/** Sends a request over a bare socket, and keeps it. */
function begin(url: URL, headers: Record<string, string | null>, body: string): Promise<Socket> {
  const lines = Object.entries({
    host: url.host,
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  })
    .map(([name, value]) => `${name}: ${value ?? ''}\r\n`)
    .join('');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => {
      socket.write(`POST ${url.pathname} HTTP/1.1\r\ncontent-type: application/json\r\n${lines}\r\n${body}`);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

test.skipIf(process.platform !== 'linux')(
  'what a thousand vanished clients held is let go of',
  async () => {
    const fixture = await openFixtureServer();
    closing.push(() => fixture.close());
    const folder = temporaryFolder();
    const program = join(folder, 'server.mjs');
    writeFileSync(program, PROGRAM);
    const file = join(folder, 'servers.json');
    writeFileSync(
      file,
      JSON.stringify({ mcpServers: { waiting: { command: process.execPath, args: [program] } } }),
    );
    const server = await startServer({
      env: { GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1', GATEWRIGHT_STDIO_SERVERS: file },
    });
    const control = sdkFor(server);
    const { gatewayId: gatewayIdentifier = '', gatewayUrl = '' } = await control.send(
      new CreateGatewayCommand({
        name: 'crowd',
        roleArn: 'arn:aws:iam::000000000000:role/gateway',
        protocolType: 'MCP',
        authorizerType: 'NONE',
        protocolConfiguration: {
          mcp: {
            sessionConfiguration: { sessionTimeoutInSeconds: 900 },
            streamingConfiguration: { enableResponseStreaming: true },
          },
        },
        tags: { 'gatewright:tool-names': 'bare' },
      }),
    );
    for (const [name, endpoint] of [
      ['http', fixture.url],
      ['program', 'stdio:waiting'],
    ]) {
      const { targetId } = await control.send(
        new CreateGatewayTargetCommand({
          gatewayIdentifier,
          name,
          targetConfiguration: { mcp: { mcpServer: { endpoint } } },
        }),
      );
      const get = new GetGatewayTargetCommand({ gatewayIdentifier, targetId });
      await vi.waitFor(async () => expect((await control.send(get)).status).toBe('READY'), READY_WITHIN);
    }
    control.destroy();
    const pid = server.child.pid ?? 0;
    const url = new URL(gatewayUrl);
    const sessions = await Promise.all(Array.from({ length: 10 }, () => openRawSession(gatewayUrl)));
    const before = heldBy(pid);

    const sockets: Socket[] = [];
    for (let index = 0; index < CLIENTS; index += 1) {
      // Of ten clients, four call a slow server, two listen, three call in sessions, one waits for a program.
      const kind = index % 10;
      const session = sessions[index % sessions.length];
      const name = kind === 9 ? 'wait' : 'slow_echo';
      const call = { name, arguments: kind === 9 ? {} : { ms: 120_000, value: `v${index}` } };
      const modern =
        kind < 4 || kind === 9
          ? modernParts('tools/call', call, index)
          : modernParts('subscriptions/listen', { notifications: { toolsListChanged: true } }, index);
      const legacy = JSON.stringify({ jsonrpc: '2.0', id: index, method: 'tools/call', params: call });
      sockets.push(
        kind >= 6 && kind < 9 && session
          ? await begin(
              url,
              {
                accept: 'application/json, text/event-stream',
                'mcp-protocol-version': '2025-11-25',
                'mcp-session-id': session.id,
              },
              legacy,
            )
          : await begin(url, modern.headers, JSON.stringify(modern.body)),
      );
    }
    // All of them are being served: the calls have arrived at the server behind.
    await vi.waitFor(
      () =>
        expect(fixture.events.filter(({ kind }) => kind === 'slow_echo started').length).toBe(
          (CLIENTS / 10) * 7,
        ),
      READY_WITHIN,
    );
    expect(heldBy(pid).sockets).toBeGreaterThan(before.sockets + CLIENTS);

    for (const socket of sockets) socket.resetAndDestroy();
    await vi.waitFor(() => {
      const now = heldBy(pid);
      expect(now.sockets).toBeLessThanOrEqual(before.sockets + SHARED);
      expect(now.children).toBeLessThanOrEqual(before.children + 1);
    }, GONE_WITHIN);
    await vi.waitFor(
      () =>
        expect(fixture.events.filter(({ kind }) => kind === 'slow_echo cancelled').length).toBe(
          (CLIENTS / 10) * 7,
        ),
      GONE_WITHIN,
    );
  },
  120_000,
);

// Several workers behind one address: one of them killed costs its own calls and nothing else, a renewal costs none, and
// nothing is left when the process that started them goes, however it goes.

import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { beforeAll, expect, test, vi } from 'vitest';
import {
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { sdkFor } from '../support/process-clients.ts';
import { closing, spawnGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import { describeApi, openUpstream } from '../support/upstream.ts';
import type { Upstream } from '../support/upstream.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };
const hasProc = existsSync('/proc/self/task');

let upstream: Upstream;
let server: RunningServer;
let url: string;

beforeAll(async () => {
  upstream = await openUpstream();
  closing.push(() => upstream.close());
  server = await startServer({ env: { GATEWRIGHT_WORKERS: '2', GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1' } });
  const control = sdkFor(server);
  const { gatewayId, gatewayUrl = '' } = await control.send(
    new CreateGatewayCommand({
      name: 'shared',
      roleArn: 'arn:aws:iam::000000000000:role/gateway',
      protocolType: 'MCP',
      authorizerType: 'NONE',
    }),
  );
  const document = describeApi(upstream.url, { find: { query: { q: { type: 'string' } } } });
  const { targetId } = await control.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier: gatewayId,
      name: 'api',
      targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
    }),
  );
  const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
  await vi.waitFor(async () => expect((await control.send(get)).status).toBe('READY'), PATIENCE);
  url = gatewayUrl;
  // Every worker has heard of it.
  await vi.waitFor(async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => call()));
    expect(answers.filter(isGood)).toHaveLength(20);
  }, PATIENCE);
}, 60_000);

/** One call, on a connection of its own, so that the workers take turns, or on one that is kept. */
function call(agent?: Agent): Promise<string> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'api___find', arguments: { q: 'x' } },
  });
  return new Promise((resolve) => {
    const sent = request(
      url,
      { method: 'POST', agent: agent ?? false, headers: { 'content-type': 'application/json' } },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve(`${answer.statusCode} ${text}`));
        answer.on('error', (thrown) => resolve(`lost: ${thrown.message}`));
      },
    );
    sent.on('error', (thrown) => resolve(`lost: ${thrown.message}`));
    sent.end(body);
  });
}

const isGood = (answer: string): boolean => /^200 .*"isError":false/.test(answer);

function workersOf(pid: number | undefined): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number) : [];
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Calls without a pause from four clients, each with connections of one kind, while something is done. */
async function underLoad(
  work: () => Promise<void>,
  connections: 'new' | 'kept' = 'new',
): Promise<readonly string[]> {
  const answers: string[] = [];
  let isOver = false;
  const client = async (): Promise<void> => {
    const agent = connections === 'kept' ? new Agent({ keepAlive: true, maxSockets: 1 }) : undefined;
    while (!isOver) answers.push(await call(agent));
    agent?.destroy();
  };
  const clients = Array.from({ length: 4 }, client);
  try {
    await work();
  } finally {
    isOver = true;
    await Promise.all(clients);
  }
  return answers;
}

test('say once that they are ready', () => {
  expect(server.lines.filter(({ msg }) => msg === 'ready')).toHaveLength(1);
  expect(server.lines.filter(({ msg }) => msg === 'all workers are ready')).toEqual([
    expect.objectContaining({ workers: 2 }),
  ]);
});

async function total(): Promise<number> {
  const answer = await fetch(`${server.controlEndpoint}/metrics`, { headers: { connection: 'close' } });
  const counts = (await answer.text()).matchAll(/^gatewright_invocations_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

test.skipIf(!hasProc)(
  'share the connections of clients that keep them, also when they come all at once',
  async () => {
    const workers = workersOf(server.child.pid);
    const held = (): readonly number[] => workers.map((pid) => readdirSync(`/proc/${pid}/fd`).length);
    const { hostname, port } = new URL(url);
    const shares = workers.map(() => 0);
    // Several bursts: on a busy machine one of them may find one worker awake and the other not.
    for (let burst = 0; burst < 5; burst += 1) {
      const before = held();
      const sockets = Array.from({ length: 64 }, () => connect(Number(port), hostname));
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      const taken = (): readonly number[] => held().map((count, index) => count - (before[index] ?? 0));
      await vi.waitFor(
        () => expect(taken().reduce((sum, count) => sum + count)).toBeGreaterThan(55),
        PATIENCE,
      );
      for (const [index, count] of taken().entries()) shares[index] = (shares[index] ?? 0) + count;
      await Promise.all(
        sockets.map((socket) => {
          const closed = once(socket, 'close');
          socket.destroy();
          return closed;
        }),
      );
      await vi.waitFor(() => expect(taken().every((count) => count <= 2)).toBe(true), PATIENCE);
    }
    for (const share of shares) expect(share).toBeGreaterThan(32);
  },
);

test('show the figures of all, whichever is asked', async () => {
  const before = await total();
  await Promise.all(Array.from({ length: 40 }, () => call()));
  for (let asked = 0; asked < 6; asked += 1) expect(await total()).toBe(before + 40);
});

test.skipIf(!hasProc)(
  'one that is killed costs no more than what it was doing, and another takes its place',
  async () => {
    const before = workersOf(server.child.pid);
    expect(before).toHaveLength(2);
    const answers = await underLoad(async () => {
      process.kill(before[0] ?? 0, 'SIGKILL');
      await vi.waitFor(() => {
        const now = workersOf(server.child.pid);
        expect([now.length, now.includes(before[0] ?? 0)]).toEqual([2, false]);
      }, PATIENCE);
    });
    const lost = answers.filter((answer) => !isGood(answer));
    // Four clients have no more than four calls under way.
    expect(lost.length).toBeLessThanOrEqual(4);
    expect(answers.length).toBeGreaterThan(20);
  },
);

test.skipIf(!hasProc).each(['new', 'kept'] as const)(
  'are renewed one by one without a lost call, over connections that are %s',
  async (connections) => {
    const before = workersOf(server.child.pid);
    const renewals = (): number => server.lines.filter(({ msg }) => msg === 'the workers are renewed').length;
    const already = renewals();
    const answers = await underLoad(async () => {
      server.child.kill('SIGHUP');
      await vi.waitFor(() => expect(renewals()).toBe(already + 1), PATIENCE);
    }, connections);
    expect(answers.length).toBeGreaterThan(20);
    expect(answers.filter((answer) => !isGood(answer))).toEqual([]);
    const now = workersOf(server.child.pid);
    expect([now.length, now.filter((pid) => before.includes(pid))]).toEqual([2, []]);
  },
  40_000,
);

test.skipIf(!hasProc)(
  'have counted what they have counted, also when they are no more',
  async () => {
    const renewals = (): number => server.lines.filter(({ msg }) => msg === 'the workers are renewed').length;
    const already = renewals();
    for (let at = 0; at < 20; at += 1) await call();
    const before = await total();
    for (let at = 0; at < 5; at += 1) await call();
    server.child.kill('SIGHUP');
    await vi.waitFor(() => expect(renewals()).toBe(already + 1), PATIENCE);
    expect(await total()).toBe(before + 5);
    // One that is killed says no last word: what was seen of it last stays.
    const [victim = 0] = workersOf(server.child.pid);
    process.kill(victim, 'SIGKILL');
    await vi.waitFor(() => {
      const now = workersOf(server.child.pid);
      expect([now.length, now.includes(victim)]).toEqual([2, false]);
    }, PATIENCE);
    expect(await total()).toBe(before + 5);
  },
  40_000,
);

test.skipIf(!hasProc)('end with the process that started them, also when that is killed', async () => {
  const other = await startServer({ env: { GATEWRIGHT_WORKERS: '2' } });
  const [stopped, killed] = [workersOf(server.child.pid), workersOf(other.child.pid)];
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  other.child.kill('SIGKILL');
  await vi.waitFor(() => expect([...stopped, ...killed].filter(isAlive)).toEqual([]), PATIENCE);
});

test.skipIf(!hasProc)(
  'are not touched by a signal that a terminal sends to all, and are renewed',
  async () => {
    const other = await startServer({ env: { GATEWRIGHT_WORKERS: '2' } });
    const before = workersOf(other.child.pid);
    for (const pid of before) process.kill(pid, 'SIGHUP');
    other.child.kill('SIGHUP');
    await other.line(({ msg }) => msg === 'the workers are renewed');
    expect(other.lines.filter(({ msg }) => String(msg).startsWith('a worker ended'))).toEqual([]);
    expect(await other.stop()).toEqual({ code: 0, signal: null });
  },
);

test('a single process stops in order when its terminal goes', async () => {
  const single = await startServer();
  expect(await single.kill('SIGHUP')).toEqual({ code: 0, signal: null });
  expect(single.lines.map(({ msg }) => msg).slice(-2)).toEqual(['stopping', 'stopped']);
});

test('that cannot start end it all, with the reason', async () => {
  const dataDir = `${temporaryFolder()}/data`;
  const first = await startServer({ dataDir });
  const run = spawnGatewright([
    'serve',
    '--listen',
    new URL(first.url).host,
    '--data-dir',
    dataDir,
    '--workers',
    '2',
  ]);
  expect(await run.ended).toMatchObject({ code: 1 });
  expect(run.stdout()).toContain('EADDRINUSE');
});

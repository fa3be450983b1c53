// F26, F39: clients that take connections and hold them: until the process has no descriptor left, by sending their requests
// byte by byte, by not reading their answers. Others are served as before.

import { readdirSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { closing, startServer } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import { EGRESS, apiOf, call, calls, controlOf, goodShare, keptConnections, make, metric } from './house.ts';
import type { Answer } from './house.ts';
import { answerWith, openHostileUpstream } from './hostile-upstream.ts';
import { drip, openRaw, rawCall, readSlowly } from './raw-clients.ts';
import type { RawClient } from './raw-clients.ts';
import { CannotRun, atLeast, atMost, exactly, until } from './row.ts';
import type { Check, Row } from './row.ts';
import { besideBaseline, memoryOf, openScene } from './upstream-rows.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
/** The product’s: to send the head of a request, to send all of it, and how often it looks (milliseconds). */
const HEAD_MS = 10_000;
const LOOK_MS = 2_000;

/** Descriptors that a process holds. */
function descriptorsOf(server: RunningServer): number {
  if (process.platform !== 'linux') throw new CannotRun('descriptors are counted in /proc');
  return readdirSync(`/proc/${server.child.pid}/fd`).length;
}

/** A GET of the server; status 0 when the connection failed. */
function ask(server: RunningServer, path: string, agent: Agent | false): Promise<number> {
  return new Promise((resolve) => {
    const sent = get(`${server.url}${path}`, { agent, timeout: 5_000 }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
      answer.once('error', () => resolve(0));
    });
    sent.once('timeout', () => sent.destroy(new Error('no answer')));
    sent.once('error', () => resolve(0));
  });
}

async function slowClients(): Promise<readonly Check[]> {
  const [slowHeads, slowBodies, slowReaders] = [250, 250, 200];
  const large = JSON.stringify({ text: 'y'.repeat(2 * 1024 * 1024) });
  const scene = await openScene(['find', 'large']);
  scene.bad.on('/large', (socket) => answerWith(socket, 200, large));
  const rounds = async (): Promise<readonly (readonly Answer[])[]> => {
    const all: (readonly Answer[])[] = [];
    for (let round = 0; round < 5; round += 1) all.push(await calls(400, 4, () => scene.askGood()));
    return all;
  };
  await rounds();
  await scene.askBad('large');
  const before = descriptorsOf(scene.server);
  const baseline = await rounds();
  const memoryBefore = memoryOf(scene.server);
  const { host, pathname } = new URL(scene.url);
  const open = async (count: number, begin: (client: RawClient) => void): Promise<RawClient[]> => {
    const clients: RawClient[] = [];
    while (clients.length < count) {
      const client = await openRaw(scene.url);
      begin(client);
      clients.push(client);
    }
    return clients;
  };
  const from = performance.now();
  const heads = await open(slowHeads, (client) => {
    client.socket.write(`POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\n`);
    void drip(client, () => `x-slow: ${Math.random()}\r\n`, 1_000);
  });
  const bodies = await open(slowBodies, (client) => {
    client.socket.write(
      `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{`,
    );
    void drip(client, () => ' ', 1_000);
  });
  const readers = await open(slowReaders, (client) => {
    client.socket.write(rawCall(scene.url, 'bad___large', 'slow'));
    void readSlowly(client, 1_000);
  });
  await until('the slow answers are ready', () => scene.bad.asked.get('/large?slow') === slowReaders);
  const during = descriptorsOf(scene.server);
  const beside = await rounds();
  const taken = memoryOf(scene.server) - memoryBefore;
  const stillSlow = [...bodies, ...readers].filter((client) => !client.isGone()).length;
  const unfinished = readers.filter((client) => client.received() < large.length).length;
  await until('slow heads are ended', () => heads.every((client) => client.isGone()), HEAD_MS * 2).catch(
    () => undefined,
  );
  const endedMs = performance.now() - from;
  const ended = heads.filter((client) => client.isGone() && client.text().includes(' 408 ')).length;
  const later = await rounds();
  for (const { socket } of [...heads, ...bodies, ...readers]) socket.destroy();
  await until('let go of', () => descriptorsOf(scene.server) <= before * 1.02 + 2, 10_000).catch(
    () => undefined,
  );
  return [
    atLeast('descriptors with 700 slow clients', during, before + 700),
    ...besideBaseline(baseline, [...beside, ...later], 2),
    atLeast('slow bodies and readers still there meanwhile', stillSlow, slowBodies + slowReaders),
    atLeast('answers not read to the end', unfinished, slowReaders),
    atMost('memory more, to their answers', taken / (slowReaders * large.length), 1),
    exactly('slow heads told 408', ended, slowHeads),
    atMost('that took, to the limit of 10 s + 2 s', endedMs / (HEAD_MS + LOOK_MS), 1.5),
    atMost('descriptors after, to before', descriptorsOf(scene.server) / before, 1.05),
    exactly('requests under way', await metric(scene.server, 'gatewright_requests_in_flight'), 0),
  ];
}

async function noDescriptors(): Promise<readonly Check[]> {
  const limit = 160;
  if (process.platform === 'win32') throw new CannotRun('there is no ulimit');
  const upstream = await openHostileUpstream();
  const server = await startServer({
    env: EGRESS,
    program: ['sh', '-c', `ulimit -n ${limit} && exec "$0" "$@"`, process.execPath, MAIN],
  });
  const made = await make(controlOf(server), 'few', { api: apiOf(upstream.url, 'find') });
  const url = `${server.url}${made.path}`;
  const kept = keptConnections();
  const probe = new Agent({ keepAlive: true, maxSockets: 1 });
  closing.push(() => probe.destroy());
  await until('served', async () => (await call(url, 'api___find', 'x', kept)).isGood);
  await calls(100, 4, () => call(url, 'api___find', 'x', kept));
  await ask(server, '/healthz', probe);
  const before = descriptorsOf(server);

  const press = async (): Promise<RawClient[]> =>
    Promise.all(Array.from({ length: limit * 2 }, () => openRaw(server.url)));
  const held = await press();
  await until('no descriptor is left', () => descriptorsOf(server) >= limit - 1);
  const health: number[] = [];
  const beside: Answer[] = [];
  for (let round = 0; round < 10; round += 1) {
    health.push(await ask(server, '/healthz', probe));
    beside.push(...(await calls(40, 4, () => call(url, 'api___find', 'x', kept))));
  }
  const full = descriptorsOf(server);
  const refused = held.filter((client) => client.isGone()).length;
  for (const { socket } of held) socket.destroy();
  const from = performance.now();
  await until('accepts again', async () => (await ask(server, '/healthz', false)) === 200, 20_000);
  const againMs = performance.now() - from;
  const after = await calls(100, 4, () => call(url, 'api___find'));

  // A second time they stay; they say nothing, so they are shown out.
  const staying = await press();
  await until('no descriptor is left', () => descriptorsOf(server) >= limit - 1);
  const since = performance.now();
  await until(
    'accepts again beside them',
    async () => (await ask(server, '/healthz', false)) === 200,
    40_000,
  );
  const shownOutMs = performance.now() - since;
  for (const { socket } of staying) socket.destroy();
  const late = await make(controlOf(server), 'late', { api: apiOf(upstream.url, 'find') });
  const isLateServed = (await call(`${server.url}${late.path}`, 'api___find')).isGood;
  await until('let go of', () => descriptorsOf(server) <= before + 4, 10_000).catch(() => undefined);
  const left = descriptorsOf(server);
  const { code } = await server.stop();
  return [
    atLeast(`descriptors of ${limit}`, full, limit - 1),
    atLeast('connections that found none', refused, limit / 2),
    exactly('health on a kept connection', health.filter((status) => status === 200).length, 10),
    exactly('calls on kept connections', goodShare(beside), 1),
    atMost('seconds until it accepts again', againMs / 1_000, 5),
    exactly('calls on new connections', goodShare(after), 1),
    atMost('until those that stay are shown out, to 10 s + 2 s', shownOutMs / (HEAD_MS + LOOK_MS), 1.5),
    exactly('what is made afterwards serves', String(isLateServed), 'true'),
    atMost('descriptors after, to before', left - before, 4),
    exactly('exit code', code ?? -1, 0),
  ];
}

export const SOCKET_ROWS: readonly Row[] = [
  { id: 'F26', words: 'no descriptors left: clients hold them all', run: noDescriptors },
  { id: 'F39', words: '500 clients that send slowly, 200 that read so', isTimed: true, run: slowClients },
];

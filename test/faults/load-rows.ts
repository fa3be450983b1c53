// F8 to F11, F30: upstreams that fail now and then, that are too slow, that come back; clients that vanish; a server that
// is stopped while it works.

import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { modernParts } from '../support/mcp-client.ts';
import { runGatewright, startServer, temporaryFolder } from '../support/process.ts';
import { EGRESS, apiOf, call, calls, controlOf, make, metric, underLoad } from './house.ts';
import type { Answer } from './house.ts';
import { answerWith, openHostileUpstream, well } from './hostile-upstream.ts';
import type { Misbehaviour } from './hostile-upstream.ts';
import { CannotRun, atLeast, atMost, exactly, pause, until } from './row.ts';
import type { Check, Row } from './row.ts';
import { openScene, repeats } from './upstream-rows.ts';

async function flaky(): Promise<readonly Check[]> {
  const count = 600;
  const scene = await openScene(['find', 'postfind']);
  // The same three of ten each time, never ten in a row: an error, a connection that is reset.
  const isWrong = (q: string): boolean => [2, 5, 6].includes(Number(q.slice(1)) % 10);
  const way: Misbehaviour = (socket, q, turn) => {
    if (!isWrong(q)) well(socket, q, turn);
    else if (Number(q.slice(1)) % 20 < 10) answerWith(socket, 500, '{"error":"now and then"}');
    else socket.resetAndDestroy();
  };
  for (const path of ['/find', '/postfind']) scene.bad.on(path, way);
  const answers = new Map<string, Answer>();
  await calls(count, 8, async (turn) => {
    const q = `q${turn}`;
    const answer = await scene.askBad(turn % 2 === 0 ? 'find' : 'postfind', q);
    answers.set(q, answer);
    return answer;
  });
  const asWell = [...answers].filter(
    ([q, { isGood, text }]) => !isWrong(q) && isGood && text.includes(`\\"${q}\\"`),
  );
  return [
    exactly('calls that went well', asWell.length, count * 0.7),
    exactly(
      'calls that failed, as tool errors',
      [...answers].filter(([q, { isToolError }]) => isWrong(q) && isToolError).length,
      count * 0.3,
    ),
    atMost('requests upstream a call', scene.bad.total() / count, 1.1),
    ...repeats(scene.bad),
  ];
}

async function slow(): Promise<readonly Check[]> {
  const cap = 16;
  const scene = await openScene(['find'], cap);
  let [running, most] = [0, 0];
  scene.bad.on('/find', (socket, q) => {
    most = Math.max(most, (running += 1));
    setTimeout(() => {
      running -= 1;
      answerWith(socket, 200, JSON.stringify({ ok: q }));
    }, 100);
  });
  /** Results a second of so many clients, who wait a little before they try again. */
  const goodput = async (clients: number): Promise<[perSecond: number, answers: readonly Answer[]]> => {
    const load = underLoad(clients, async () => {
      const answer = await scene.askBad('find');
      if (!answer.isGood) await pause(100);
      return answer;
    });
    await pause(1_000);
    const [from, before] = [performance.now(), load.answers.filter(({ isGood }) => isGood).length];
    await pause(3_000);
    const gained = load.answers.filter(({ isGood }) => isGood).length - before;
    const perSecond = gained / ((performance.now() - from) / 1_000);
    return [perSecond, await load.stop()];
  };
  const [peak, atPeak] = await goodput(cap);
  const [overloaded, answers] = await goodput(cap * 4);
  const refused = answers.filter(({ isGood }) => !isGood);
  return [
    exactly('refused at capacity', atPeak.filter(({ isGood }) => !isGood).length, 0),
    atLeast('goodput to peak at 4 times as many clients', overloaded / peak, 0.8),
    atMost('at a time upstream', most, cap),
    atLeast('refused beyond', refused.length, 1),
    exactly(
      'of them not 503 with Retry-After',
      refused.filter(({ status, retryAfter }) => status !== 503 || retryAfter === undefined).length,
      0,
    ),
  ];
}

async function recovering(): Promise<readonly Check[]> {
  const scene = await openScene(['find']);
  await scene.bad.close();
  await until('the breaker opens', async () => {
    await scene.askBad('find');
    return (await metric(scene.server, 'gatewright_target_circuit_open')) === 1;
  });
  const resting = await scene.askBad('find');
  await scene.bad.reopen();
  const from = performance.now();
  await until('it is found again', async () => (await scene.askBad('find')).isGood, 10_000);
  const seconds = (performance.now() - from) / 1_000;
  const after = await calls(100, 4, () => scene.askBad('find'));
  return [
    exactly('resting is a tool error', String(resting.isToolError), 'true'),
    atMost('probe intervals (1 s) until it is back', seconds, 2),
    exactly('good after that', after.filter(({ isGood }) => isGood).length, 100),
    exactly('breakers open', await metric(scene.server, 'gatewright_target_circuit_open'), 0),
  ];
}

async function vanishing(): Promise<readonly Check[]> {
  if (process.platform !== 'linux') throw new CannotRun('descriptors are counted in /proc');
  const [listeners, callers] = [900, 100];
  const scene = await openScene(['find', 'hang']);
  scene.bad.on('/hang', () => undefined);
  await calls(20, 4, () => scene.askBad('find'));
  const held = (): number => readdirSync(`/proc/${scene.server.child.pid}/fd`).length;
  const before = held();
  const url = new URL(scene.url);
  const begin = (method: string, params: object, id: number): Promise<Socket> => {
    const { headers, body } = modernParts(method, { ...params }, id);
    const text = JSON.stringify(body);
    const lines = Object.entries({
      ...headers,
      'content-type': 'application/json',
      host: url.host,
      'content-length': `${Buffer.byteLength(text)}`,
    })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    return new Promise((resolve, reject) => {
      const socket = connect(Number(url.port), url.hostname, () => {
        socket.write(`POST ${url.pathname} HTTP/1.1\r\n${lines}\r\n${text}`);
      });
      socket.once('error', reject);
      // A listener has its head of the answer; a caller has none yet.
      if (method === 'tools/call') socket.once('connect', () => resolve(socket));
      else
        socket.once('data', (head: Buffer) => {
          if (String(head).startsWith('HTTP/1.1 200')) resolve(socket);
          else reject(new Error(String(head)));
        });
    });
  };
  const sockets: Socket[] = [];
  for (let index = 0; index < listeners; index += 1)
    sockets.push(await begin('subscriptions/listen', { notifications: { toolsListChanged: true } }, index));
  for (let index = 0; index < callers; index += 1)
    sockets.push(await begin('tools/call', { name: 'bad___hang', arguments: { q: `${index}` } }, index));
  await until('all calls are under way', () => scene.bad.connections >= callers);
  const during = held();
  for (const socket of sockets) socket.resetAndDestroy();
  const from = performance.now();
  await until('let go of', () => held() <= before * 1.02 && scene.bad.connections <= 4, 20_000).catch(
    () => undefined,
  );
  return [
    atLeast('descriptors with 1000 clients', during, before + listeners),
    atMost('descriptors after, to before', held() / before, 1.02),
    atMost('connections upstream', scene.bad.connections, 4),
    atMost('seconds until then', (performance.now() - from) / 1_000, 5),
    exactly('requests under way', await metric(scene.server, 'gatewright_requests_in_flight'), 0),
  ];
}

async function draining(): Promise<readonly Check[]> {
  const rounds = 10;
  const upstream = await openHostileUpstream();
  upstream.on('/postfind', (socket, q) => {
    setTimeout(() => answerWith(socket, 200, JSON.stringify({ ok: q })), 50);
  });
  const dataDir = join(temporaryFolder(), 'data');
  const env = { ...EGRESS, GATEWRIGHT_AUDIT: 'required' };
  let path = '';
  let [dropped, answered, notClean, slowest, turn] = [0, 0, 0, 0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const server = await startServer({ dataDir, env });
    if (round === 0)
      ({ path } = await make(controlOf(server), 'drain', { api: apiOf(upstream.url, 'postfind') }));
    await until(
      'the tool is served',
      async () => (await call(`${server.url}${path}`, 'api___postfind', 'first')).isGood,
    );
    const good = new Set<string>();
    const load = underLoad(8, async () => {
      const q = `r${round}-${(turn += 1)}`;
      const answer = await call(`${server.url}${path}`, 'api___postfind', q);
      if (answer.isGood) good.add(q);
      else await pause(5);
      return answer;
    });
    await until('there is load', () => good.size > 20);
    const from = performance.now();
    const { code } = await server.stop();
    slowest = Math.max(slowest, performance.now() - from);
    await load.stop();
    if (code !== 0) notClean += 1;
    answered += good.size;
    // What the upstream was asked was accepted: it has to have come to its result.
    for (const key of upstream.asked.keys())
      if (key.startsWith(`/postfind?r${round}-`) && !good.has(key.slice('/postfind?'.length))) dropped += 1;
  }
  const verified = await runGatewright(['audit', 'verify', '--data-dir', dataDir]);
  return [
    atLeast('calls answered', answered, rounds * 20),
    exactly('accepted and dropped', dropped, 0),
    exactly('exits that were not 0', notClean, 0),
    atMost('longest stop to grace (30 s)', slowest / 30_000, 1),
    exactly('audit verify', verified.code ?? -1, 0),
  ];
}

export const LOAD_ROWS: readonly Row[] = [
  { id: 'F8', words: 'upstream fails in 3 of 10 calls', run: flaky },
  { id: 'F9', words: 'slow upstream, more calls than it can take', isTimed: true, run: slow },
  { id: 'F10', words: 'upstream recovers', isTimed: true, run: recovering },
  { id: 'F11', words: '1000 clients with streams and calls vanish', isTimed: true, run: vanishing },
];

export const DRAIN_ROW: Row = { id: 'F30', words: 'SIGTERM under load, 10 times', run: draining };

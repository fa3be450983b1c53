// F1 to F7: upstreams that refuse, hang, break off, answer garbage, far too much or far too slowly. Each costs its own calls
// and nothing else.

import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { TagResourceCommand } from '@aws-sdk/client-bedrock-agentcore-control';
import { modernScript, openScriptedServer } from '../support/mcp-target.ts';
import { closing, startServer } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import {
  EGRESS,
  apiOf,
  call,
  calls,
  controlOf,
  goodShare,
  keptConnections,
  make,
  medianOf,
  metric,
  p99,
  underLoad,
} from './house.ts';
import type { Answer } from './house.ts';
import { answerWith, openHostileUpstream } from './hostile-upstream.ts';
import type { HostileUpstream, Misbehaviour } from './hostile-upstream.ts';
import { CannotRun, atLeast, atMost, exactly, pause, until } from './row.ts';
import type { Check, Row } from './row.ts';

const ROUNDS = 5;
const GOOD_CALLS = 400;
/** Largest answer that is read (bytes), and what the garbage collector may leave beside it. */
const CAP = 6 * 1024 * 1024;
const ROOM = 32 * 1024 * 1024;
/** Longest a call may take (milliseconds): the product's deadline. */
const DEADLINE_MS = 300_000;
/** Longest silence of an MCP server that owes an answer. */
const IDLE_MS = 120_000;

export interface Scene {
  readonly server: RunningServer;
  readonly bad: HostileUpstream;
  readonly good: HostileUpstream;
  readonly url: string;
  /** A call of the good target on a kept connection, and one of the bad one. */
  readonly askGood: () => Promise<Answer>;
  readonly askBad: (path: string, q?: string) => Promise<Answer>;
}

/** One gateway before a good and a bad upstream. @param paths of the bad one */
export async function openScene(paths: readonly string[], concurrency?: number): Promise<Scene> {
  const [good, bad] = [await openHostileUpstream(), await openHostileUpstream()];
  const server = await startServer({ env: EGRESS });
  const control = controlOf(server);
  const made = await make(control, 'scene', { good: apiOf(good.url, 'find'), bad: apiOf(bad.url, ...paths) });
  if (concurrency !== undefined)
    await control.send(
      new TagResourceCommand({
        resourceArn: `arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/${made.gatewayId}/target/${made.targetIds['bad']}`,
        tags: { 'gatewright:max-concurrency': String(concurrency) },
      }),
    );
  const url = `${server.url}${made.path}`;
  const kept = keptConnections();
  await until('the tools are served', async () => (await call(url, 'good___find')).isGood);
  return {
    server,
    bad,
    good,
    url,
    askGood: () => call(url, 'good___find', 'x', kept),
    askBad: (path, q) => call(url, `bad___${path}`, q),
  };
}

/** Good calls, in rounds, while others call the bad target. */
async function goodTraffic(scene: Scene, path: string): Promise<readonly (readonly Answer[])[]> {
  const rounds: (readonly Answer[])[] = [];
  const beside = underLoad(4, () => scene.askBad(path), 20);
  for (let round = 0; round < ROUNDS; round += 1)
    rounds.push(await calls(GOOD_CALLS, 4, () => scene.askGood()));
  void beside.stop();
  return rounds;
}

export function besideBaseline(
  baseline: readonly (readonly Answer[])[],
  rounds: readonly (readonly Answer[])[],
  limit = 1.5,
): readonly Check[] {
  return [
    exactly('good calls answered', goodShare(rounds.flat()), 1),
    atMost('p99 of good calls to baseline', medianOf(rounds, p99) / medianOf(baseline, p99), limit),
  ];
}

async function refusing(): Promise<readonly Check[]> {
  const scene = await openScene(['find']);
  await goodTraffic(scene, 'find');
  const baseline = await goodTraffic(scene, 'find');
  await scene.bad.close();
  const first = await scene.askBad('find');
  const rounds = await goodTraffic(scene, 'find');
  const open = await metric(scene.server, 'gatewright_target_circuit_open');
  // What else the machine does changes meanwhile: the same once more without the fault.
  await scene.bad.reopen();
  await until('it is found again', async () => (await scene.askBad('find')).isGood);
  const after = await goodTraffic(scene, 'find');
  return [
    exactly('is a tool error', String(first.isToolError), 'true'),
    atMost('refused within connect budgets (3 s)', first.ms / 3_000, 1),
    ...besideBaseline([...baseline, ...after], rounds),
    exactly('breakers open', open, 1),
  ];
}

async function hanging(): Promise<readonly Check[]> {
  const cap = 8;
  const scene = await openScene(['find', 'hang'], cap);
  scene.bad.on('/hang', () => undefined);
  await goodTraffic(scene, 'find');
  const baseline = await goodTraffic(scene, 'find');
  // As many run, as many wait; the clients of all of them stay.
  const stuck = Array.from({ length: cap * 2 }, () => scene.askBad('hang'));
  await until(
    'the line is full',
    async () => (await metric(scene.server, 'gatewright_target_calls_waiting')) === cap,
  );
  const rounds = await goodTraffic(scene, 'hang');
  const more = await calls(40, 4, () => scene.askBad('hang'));
  const sent = scene.bad.asked.get('/hang?x') ?? 0;
  // What else the machine does changes meanwhile: the same once more without the fault.
  scene.bad.on('/hang', undefined);
  await scene.bad.close();
  await Promise.all(stuck);
  await scene.bad.reopen();
  await until('it is found again', async () => (await scene.askBad('find')).isGood);
  const after = await goodTraffic(scene, 'find');
  return [
    ...besideBaseline([...baseline, ...after], rounds),
    atMost('calls the upstream was sent', sent, cap),
    exactly(
      'calls beyond told to try again',
      more.filter(({ status, retryAfter }) => status === 503 && retryAfter !== undefined).length,
      40,
    ),
  ];
}

/** What may have happened is never sent again; what only reads, seldom: one in ten, beside the ten of the budget's start. */
export function repeats(upstream: HostileUpstream): readonly Check[] {
  const more = (starts: string): number =>
    [...upstream.asked].reduce((sum, [key, count]) => sum + (key.startsWith(starts) ? count - 1 : 0), 0);
  return [
    exactly('POSTs sent twice', more('/post'), 0),
    exactly('calls sent three times', [...upstream.asked.values()].filter((count) => count > 2).length, 0),
    atMost('calls sent twice', more('/'), upstream.asked.size * 0.1 + 10),
  ];
}

async function breakingOff(): Promise<readonly Check[]> {
  const ways: Readonly<Record<string, Misbehaviour>> = {
    nothing: (socket) => socket.resetAndDestroy(),
    headers: (socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: applic', () => socket.resetAndDestroy()),
    body: (socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{"partial":1}',
        () => socket.resetAndDestroy(),
      ),
    ended: (socket) =>
      socket.end(
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{"partial":1}',
      ),
    chunk: (socket) =>
      socket.end(
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nd\r\n{"partial":1}\r\n',
      ),
  };
  const paths = Object.keys(ways).flatMap((path) => [path, `post${path}`]);
  const scene = await openScene([...paths, 'find']);
  for (const path of paths) scene.bad.on(`/${path}`, ways[path.replace(/^post/, '')]);
  const [wrong, after]: [Answer[], Answer[]] = [[], []];
  let turn = 0;
  for (let round = 0; round < 10; round += 1)
    for (const path of paths) {
      wrong.push(await scene.askBad(path, `n${(turn += 1)}`));
      after.push(await scene.askBad('find', `after${turn}`));
    }
  return [
    exactly('broken answers that are tool errors', wrong.filter((one) => one.isToolError).length, 100),
    exactly('parts of an answer passed on', wrong.filter(({ text }) => text.includes('partial')).length, 0),
    exactly(
      'right answers after each',
      after.filter(({ isGood, text }, index) => isGood && text.includes(`after${index + 1}\\"`)).length,
      100,
    ),
    ...repeats(scene.bad),
  ];
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
/** Answers that are none; those of `lenient` may also be taken for what is well-formed in them. */
const MALFORMED: Readonly<Record<string, string>> = {
  garbage: 'this is no HTTP at all\r\n\r\n',
  http09: '{"poison":1}',
  status: 'HTTP/1.1 2x0 OK\r\ncontent-length: 2\r\n\r\n{}',
  lengths: `${HEAD}content-length: 12\r\ncontent-length: 3\r\n\r\n{"poison":1}`,
  lengthAndChunks: `${HEAD}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\nc\r\n{"poison":1}\r\n0\r\n\r\n`,
  badChunk: `${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n{"poison":1}\r\n0\r\n\r\n`,
  negative: `${HEAD}content-length: -1\r\n\r\n{"poison":1}`,
  bigHeader: `${HEAD}x-big: ${'b'.repeat(64 * 1024)}\r\ncontent-length: 12\r\n\r\n{"poison":1}`,
  manyHeaders: `${HEAD}${Array.from({ length: 5_000 }, (_, at) => `x-${at}: value\r\n`).join('')}content-length: 12\r\n\r\n{"poison":1}`,
  control: `${HEAD}x-null: a\u0000b\r\ncontent-length: 12\r\n\r\n{"poison":1}`,
  switching: 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n{"poison":1}',
  beyond: 'HTTP/1.1 999 Any\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{"poison":1}',
};
const LENIENT: Readonly<Record<string, string>> = {
  early: `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(500)}${HEAD}content-length: 11\r\n\r\n{"right":1}`,
  extra: `${HEAD}content-length: 11\r\n\r\n{"right":1}${HEAD}content-length: 12\r\n\r\n{"poison":1}`,
};

async function malformed(): Promise<readonly Check[]> {
  const all = { ...MALFORMED, ...LENIENT };
  const scene = await openScene([...Object.keys(all), 'find']);
  for (const [path, bytes] of Object.entries(all))
    scene.bad.on(`/${path}`, (socket) => {
      socket.write(bytes, 'latin1');
      // What has no end of its own ends here.
      if (/garbage|http09|badChunk|negative/.test(path)) socket.end();
    });
  const wrong: string[] = [];
  let isPoisoned = 0;
  let next = 0;
  const rounds = 5;
  for (let round = 0; round < rounds; round += 1)
    for (const path of Object.keys(all)) {
      const answer = await scene.askBad(path);
      const isRight = answer.isToolError || (path in LENIENT && answer.isGood);
      if (!isRight) wrong.push(`${path}: ${answer.status} ${answer.text.slice(0, 200)}`);
      const after = await Promise.all([1, 2, 3].map((at) => scene.askBad('find', `${path}${at}`)));
      next += after.filter(({ isGood, text }, at) => isGood && text.includes(`${path}${at + 1}\\"`)).length;
      isPoisoned += [answer, ...after].filter(({ isGood, text }) => isGood && text.includes('poison')).length;
    }
  const count = Object.keys(all).length * rounds;
  return [
    exactly('answers that are not what they should be', wrong.join(' | ') || 0, 0),
    exactly('poison passed on as a result', isPoisoned, 0),
    exactly('right answers of the same upstream after each', next, count * 3),
    exactly('good target', goodShare(await calls(50, 4, scene.askGood)), 1),
  ];
}

export const memoryOf = (server: RunningServer): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1]) * 1024;

async function huge(): Promise<readonly Check[]> {
  if (process.platform !== 'linux') throw new CannotRun('memory is read from /proc');
  const gigabyte = 1024 ** 3;
  const chunk = Buffer.alloc(256 * 1024, 'x');
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, ' '));
  const large = JSON.stringify({ text: 'y'.repeat(CAP - 1024) });
  const scene = await openScene(['stream', 'bomb', 'large', 'find']);
  let most = 0;
  scene.bad.on('/stream', (socket) => {
    socket.write(`${HEAD}content-length: ${gigabyte}\r\n\r\n`);
    let written = 0;
    const more = (): void => {
      while (!socket.destroyed && written < gigabyte) {
        written += chunk.length;
        most = Math.max(most, written - socket.writableLength);
        if (!socket.write(chunk)) break;
      }
    };
    socket.on('drain', more);
    more();
  });
  scene.bad.on('/bomb', (socket) => {
    socket.write(`${HEAD}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
    socket.write(bomb);
  });
  scene.bad.on('/large', (socket) => answerWith(socket, 200, large));
  // The largest that is allowed first: what remains of it in memory is no growth of the others.
  const allowed = await calls(6, 1, () => scene.askBad('large'));
  const before = memoryOf(scene.server);
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, memoryOf(scene.server))), 10);
  const cut: Answer[] = [];
  for (let round = 0; round < 4; round += 1)
    cut.push(await scene.askBad('stream'), await scene.askBad('bomb'), await scene.askBad('find'));
  clearInterval(watch);
  return [
    exactly('answers of nearly 6 MiB', goodShare(allowed), 1),
    exactly('larger ones cut off', cut.filter(({ isToolError }) => isToolError).length, 8),
    exactly('calls between them', cut.filter(({ isGood }) => isGood).length, 4),
    // Most of it lies in the system’s socket buffers.
    atMost('MiB taken of 1024', most / 2 ** 20, 64),
    atMost('MiB of memory more', (peak - before) / 2 ** 20, (CAP * 2 + ROOM) / 2 ** 20),
  ];
}

/** How long calls took that a limit of the product ends: neither longer nor shorter. */
const besideLimit = (what: string, answers: readonly Answer[], limitMs: number): readonly Check[] => [
  atMost(`longest to the ${what}`, Math.max(...answers.map(({ ms }) => ms)) / limitMs, 1.2),
  atLeast('shortest', Math.min(...answers.map(({ ms }) => ms)) / limitMs, 0.8),
];

/** Begins calls that only the deadline ends, and looks at them when it has come. */
async function deadline(path: string, misbehave: Misbehaviour): Promise<() => Promise<readonly Check[]>> {
  const scene = await openScene([path]);
  scene.bad.on(`/${path}`, misbehave);
  const running = Promise.all(Array.from({ length: 4 }, () => scene.askBad(path)));
  return async () => {
    const answers = await running;
    await until('the sockets are let go of', () => scene.bad.connections === 0, 5_000);
    return [
      exactly('tool errors', answers.filter(({ isToolError }) => isToolError).length, 4),
      ...besideLimit('deadline (300 s)', answers, DEADLINE_MS),
      exactly('sent', scene.bad.asked.get(`/${path}?x`) ?? 0, 4),
    ];
  };
}

/** One byte every 50 ms, for ever: of a document, and in turn with that of a stream of events. */
const drip: Misbehaviour = (socket, _q, turn) => {
  socket.write(
    turn % 2 === 0
      ? `${HEAD}content-length: 1000000\r\n\r\n`
      : 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ',
  );
  void (async () => {
    while (!socket.destroyed) {
      socket.write('x');
      await pause(50);
    }
  })();
};

/** Begins calls of an MCP server that tells of its progress and then says nothing more, and looks at how they end. */
async function fallingSilent(): Promise<() => Promise<readonly Check[]>> {
  let sent = 0;
  const held = new Set<ServerResponse>();
  const upstream = await openScriptedServer(
    modernScript((request) => {
      if (request.message.method === 'tools/list')
        return request.result({ resultType: 'complete', tools: [{ name: 't', inputSchema: {} }] });
      if (request.message.method !== 'tools/call') return request.error(-32_601, 'Method not found');
      sent += 1;
      held.add(request.response);
      request.response.once('close', () => held.delete(request.response));
      return request.events()({
        jsonrpc: '2.0',
        method: 'notifications/message',
        params: { level: 'info', data: 'at work' },
      });
    }),
  );
  closing.push(() => upstream.close());
  const server = await startServer({ env: EGRESS });
  const made = await make(controlOf(server), 'silent', {
    mcp: { mcp: { mcpServer: { endpoint: upstream.url } } },
  });
  const running = Promise.all(
    Array.from({ length: 4 }, () => call(`${server.url}${made.path}`, 'mcp___t', 'x')),
  );
  return async () => {
    const answers = await running;
    await until('the streams are let go of', () => held.size === 0, 5_000);
    return [
      exactly('tool errors', answers.filter(({ isToolError }) => isToolError).length, 4),
      ...besideLimit('idle limit (120 s)', answers, IDLE_MS),
      exactly('sent', sent, 4),
    ];
  };
}

export const UPSTREAM_ROWS: readonly Row[] = [
  { id: 'F1', words: 'upstream refuses connections', isTimed: true, run: refusing },
  { id: 'F2', words: 'upstream accepts and never answers', isTimed: true, run: hanging },
  { id: 'F2D', words: 'the same until the deadline', begin: () => deadline('hang', () => undefined) },
  { id: 'F3', words: 'upstream breaks off in headers and body', run: breakingOff },
  { id: 'F4', words: 'upstream answers what is no HTTP', run: malformed },
  { id: 'F5', words: 'upstream sends 1 GiB, and a gzip bomb', isTimed: true, run: huge },
  { id: 'F6', words: 'upstream drips one byte every 50 ms', begin: () => deadline('drip', drip) },
  { id: 'F6S', words: 'an MCP stream falls silent', begin: fallingSilent },
];

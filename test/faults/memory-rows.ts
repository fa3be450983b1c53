// F27: a server with little memory, and clients that send and fetch as much as they may, all at once. It turns away what it has
// no room for, and lives.

import { request } from 'node:http';
import { join } from 'node:path';
import { startServer } from '../support/process.ts';
import { describeApi } from '../support/upstream.ts';
import { openProbe } from './health-probe.ts';
import { EGRESS, call, calls, controlOf, goodShare, make } from './house.ts';
import { answerWith, openHostileUpstream } from './hostile-upstream.ts';
import { CannotRun, atLeast, atMost, exactly, until } from './row.ts';
import type { Check, Row } from './row.ts';
import { memoryOf } from './upstream-rows.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const MIB = 1024 * 1024;
const HEAP_MIB = 256;
/** The product's: largest body or answer, and memory for bodies that are being received. */
const LARGEST = 6 * MIB;
const BODIES_MIB = 256;
const CLIENTS = 100;

/** As much of an answer as tells what it is; of large ones nothing else is kept. */
interface Gist {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly bytes: number;
  readonly head: string;
  readonly tail: string;
}

function send(url: string, tool: string, args: string): Promise<Gist> {
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":${args}}}`;
  return new Promise((resolve) => {
    let [bytes, head, tail] = [0, '', ''];
    const end = (status: number, retryAfter?: string): void =>
      resolve({ status, retryAfter, bytes, head, tail });
    const sent = request(
      url,
      { method: 'POST', agent: false, headers: { 'content-type': 'application/json' } },
      (answer) => {
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (head === '') head = chunk.toString('latin1', 0, 300);
          tail = `${tail}${chunk.toString('latin1', Math.max(0, chunk.length - 300))}`.slice(-300);
        });
        answer.on('end', () => end(answer.statusCode ?? 0, answer.headers['retry-after']));
        answer.on('error', () => end(0));
      },
    );
    // Who is turned away while sending sees the connection end; what was answered may still be read.
    sent.on('error', (thrown) => {
      head ||= thrown.message;
      end(0);
    });
    sent.end(body);
  });
}

async function littleMemory(): Promise<readonly Check[]> {
  if (process.platform !== 'linux') throw new CannotRun('memory is read from /proc');
  const upstream = await openHostileUpstream();
  const large = JSON.stringify(Array.from({ length: 70_000 }, (_, at) => ({ id: at, name: 'y'.repeat(60) })));
  const text = JSON.stringify({ text: 'é'.repeat(LARGEST / 2 - 1_024) });
  upstream.on('/rows', (socket) => answerWith(socket, 200, large));
  upstream.on('/text', (socket) => answerWith(socket, 200, text));
  const server = await startServer({
    env: EGRESS,
    program: [process.execPath, `--max-old-space-size=${HEAP_MIB}`, MAIN],
  });
  const document = describeApi(upstream.url, {
    find: { query: { q: { type: 'string' } } },
    // Bodies reach no upstream: what is sent does not fit, and is read and looked at for that.
    take: { body: { type: 'object', properties: { rows: { type: 'array', maxItems: 1 } } } },
    rows: { answer: { type: 'array' } },
    text: { query: { q: { type: 'string' } } },
  });
  const made = await make(controlOf(server), 'small', {
    api: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
  });
  const url = `${server.url}${made.path}`;
  await until('served', async () => (await call(url, 'api___find')).isGood);
  const bodies = [
    `{"rows":[${'{"a":1},'.repeat(45_000)}{}]}`,
    `{"rows":["${'x'.repeat(LARGEST - 4_096)}",1]}`,
    `{"rows":["${'é'.repeat(LARGEST / 2 - 4_096)}",1]}`,
  ];
  const one = (turn: number): Promise<Gist> => {
    if (turn % 3 === 0) return send(url, 'api___take', bodies[(turn / 3) % bodies.length] ?? '{}');
    return send(url, turn % 3 === 1 ? 'api___rows' : 'api___text', '{}');
  };

  // What it is made for: a few at a time.
  const rated: Gist[] = [];
  for (let turn = 0; turn < 24; turn += 2) rated.push(...(await Promise.all([one(turn), one(turn + 1)])));
  const before = memoryOf(server);
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, memoryOf(server))), 20);
  const probe = await openProbe(server.url);
  const pressed: Gist[] = [];
  for (let round = 0; round < 2; round += 1)
    pressed.push(...(await Promise.all(Array.from({ length: CLIENTS }, (_, turn) => one(turn)))));
  clearInterval(watch);
  const health = await probe.end();
  const isAnswer = ({ status, bytes, head, tail }: Gist): boolean =>
    (status === 200 && bytes > LARGEST / 2 && tail.includes('"isError":false')) ||
    (status === 400 && head.includes('/rows'));
  const isTurnedAway = ({ status, retryAfter }: Gist): boolean =>
    [429, 503].includes(status) && retryAfter !== undefined;
  const other = pressed.filter((gist) => !isAnswer(gist) && !isTurnedAway(gist));
  await until('small calls come to their results again', async () => (await call(url, 'api___find')).isGood);
  const after = await calls(200, 4, () => call(url, 'api___find'));
  const { code } = await server.stop();
  return [
    exactly('rated: answers', rated.filter(isAnswer).length, 24),
    exactly(
      `of ${pressed.length} neither answered nor told to come again`,
      other
        .slice(0, 5)
        .map(({ status, head }) => `${status} ${head.slice(0, 80)}`)
        .join(' | ') || 0,
      0,
    ),
    atLeast('answered', pressed.filter(isAnswer).length, CLIENTS / 2),
    atMost('MiB of memory', peak / MIB, HEAP_MIB + BODIES_MIB + 256),
    exactly('health not 200', health.failed, 0),
    atLeast('asked', health.asked, 20),
    exactly('small calls after it', goodShare(after), 1),
    exactly('exit code', code ?? -1, 0),
  ];
}

export const MEMORY_ROWS: readonly Row[] = [
  { id: 'F27', words: 'a heap of 256 MiB, and large bodies and answers', isTimed: true, run: littleMemory },
];

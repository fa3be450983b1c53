// F38: name servers that say nothing, answer late, or say that there is no such name, now and then. Only calls that need those
// names suffer, and not for long; other names are found, and what needs the system's threads (tokens, files) goes on.

import { join } from 'node:path';
import { openIssuer } from '../support/issuer.ts';
import { closing, startServer } from '../support/process.ts';
import {
  EGRESS,
  addTargets,
  apiOf,
  call,
  callWith,
  calls,
  controlOf,
  goodShare,
  make,
  makeTokenGateway,
  medianOf,
  p99,
  underLoad,
} from './house.ts';
import type { Answer } from './house.ts';
import { openHostileUpstream } from './hostile-upstream.ts';
import { atLeast, atMost, exactly, until } from './row.ts';
import type { Check, Row } from './row.ts';
import { openDns } from './stub-dns.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
/** The product's: for a connection, its name included (milliseconds). */
const CONNECT_MS = 3_000;
const DEAD = 24;
const ROUNDS = 3;

async function namesFail(): Promise<readonly Check[]> {
  const dns = await openDns(process.execPath, MAIN);
  const issuer = await openIssuer();
  closing.push(() => issuer.close());
  // One connection a call: every call of a name asks for it.
  const upstream = await openHostileUpstream();
  const { port } = new URL(upstream.url);
  const named = (name: string): string => `http://${name}.fault.test:${port}`;
  upstream.on('/close', (socket, q) => {
    const body = JSON.stringify({ ok: q });
    socket.end(
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
  });
  const server = await startServer({ env: EGRESS, program: dns.program });
  const control = controlOf(server);
  const made = await make(control, 'names', {
    plain: apiOf(upstream.url, 'close'),
    ...Object.fromEntries(
      ['good', 'slow', 'none', 'flap'].map((name) => [name, apiOf(named(name), 'close')]),
    ),
    ...Object.fromEntries(
      Array.from({ length: DEAD }, (_, at) => [`dead${at}`, apiOf(named(`dead${at}`), 'close')]),
    ),
  });
  const url = `${server.url}${made.path}`;
  const { gatewayId, path } = await makeTokenGateway(control, 'tokens', issuer.discoveryUrl);
  await addTargets(control, gatewayId, { plain: apiOf(upstream.url, 'close') });
  const guarded = `${server.url}${path}`;
  const tokens = await Promise.all(Array.from({ length: 600 }, (_, at) => issuer.token({ sub: `u${at}` })));
  /** A call with a token that nobody has seen. */
  const askGuarded = (): Promise<Answer> =>
    callWith(guarded, 'plain___close', '{"q":"t"}', false, { authorization: `Bearer ${tokens.pop()}` });
  const ask = (target: string): Promise<Answer> => call(url, `${target}___close`, target);
  await until('names are found', async () => (await ask('good')).isGood);
  await askGuarded();

  const rounds = async (): Promise<Record<'plain' | 'good' | 'guarded', readonly (readonly Answer[])[]>> => {
    const all = { plain: [], good: [], guarded: [] } as Record<
      'plain' | 'good' | 'guarded',
      (readonly Answer[])[]
    >;
    for (let round = 0; round < ROUNDS; round += 1) {
      all.plain.push(await calls(200, 4, () => ask('plain')));
      all.good.push(await calls(100, 4, () => ask('good')));
      all.guarded.push(await calls(60, 4, askGuarded));
    }
    return all;
  };
  await calls(200, 4, () => ask('plain'));
  const before = await rounds();
  let turn = 0;
  const dead = underLoad(DEAD, () => ask(`dead${(turn += 1) % DEAD}`));
  await until('they are asked for', () => [...dns.asked.keys()].some((name) => name.startsWith('dead')));
  const during = await rounds();
  const slow = await calls(3, 3, () => ask('slow'));
  const none = await ask('none');
  const deadAnswers = await dead.stop();
  const flapping: boolean[] = [];
  for (const isThere of [true, false, true, false, true]) {
    dns.isThere = isThere;
    // What was found may be believed for as long as its answer says: a second. A target that failed rests for a while.
    await until(
      isThere ? 'it is found again' : 'it is no longer found',
      async () => (await ask('flap')).isGood === isThere,
      15_000,
    );
    flapping.push(isThere);
  }
  const after = await calls(100, 4, () => ask('good'));
  const longest = Math.max(...deadAnswers.map(({ ms }) => ms));
  const limits = (['plain', 'good', 'guarded'] as const).flatMap((kind) => [
    exactly(`${kind}: calls beside dead names`, goodShare(during[kind].flat()), 1),
    atMost('p99 to that before', medianOf(during[kind], p99) / medianOf(before[kind], p99), 3),
  ]);
  return [
    ...limits,
    atLeast('calls of dead names', deadAnswers.length, DEAD),
    exactly(
      'of them tool errors',
      deadAnswers.filter(({ isToolError }) => isToolError).length,
      deadAnswers.length,
    ),
    atMost('the longest, to the connect limit (3 s)', longest / CONNECT_MS, 1.5),
    exactly('of slow names (1.5 s)', goodShare(slow), 1),
    exactly('of a name that is not there: tool error', String(none.isToolError), 'true'),
    atMost('which took, to the connect limit', none.ms / CONNECT_MS, 0.5),
    exactly('changes of a name that comes and goes', flapping.length, 5),
    exactly('after it', goodShare(after), 1),
    exactly('process', server.child.exitCode === null ? 'running' : 'ended', 'running'),
  ];
}

export const DNS_ROWS: readonly Row[] = [
  { id: 'F38', words: 'name servers are dead, slow, or of two minds', isTimed: true, run: namesFail },
];

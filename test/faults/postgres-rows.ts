// F12 to F16, F31, F32: two nodes on a real PostgreSQL that is killed, stands still, only lets read, has no connection left, or
// is cut off from one of them; a node that starts meanwhile; a rolling restart. Calls go on from memory, writes say so.

import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { GetGatewayCommand } from '@aws-sdk/client-bedrock-agentcore-control';
import type { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
import { Client } from 'pg';
import { hasPostgres, openPostgres } from '../support/postgres.ts';
import type { Postgres } from '../support/postgres.ts';
import { closing, spawnGatewright, startServer } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import {
  EGRESS,
  apiOf,
  call,
  calls,
  controlOf,
  goodShare,
  make,
  makeGateway,
  p99,
  underLoad,
} from './house.ts';
import type { Answer, Made } from './house.ts';
import { openHostileUpstream } from './hostile-upstream.ts';
import type { HostileUpstream } from './hostile-upstream.ts';
import { CannotRun, atLeast, atMost, exactly, pause, until } from './row.ts';
import type { Check, Row } from './row.ts';

const KEY = { accessKeyId: 'AKIAOPERATOR00000000', secretAccessKey: 'operator-secret-operator-secret' };
/** What openPostgres gives. */
const MAX_CONNECTIONS = 200;
const MAX_WRITES = 40;

interface Nodes {
  readonly postgres: Postgres;
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  readonly nodes: [RunningServer, RunningServer];
  readonly made: Made;
  readonly upstream: HostileUpstream;
}

/** Two nodes that share a database and serve one tool. @param second what the second one connects to, if not to it */
async function openNodes(
  second: (url: string) => Promise<string> = (url) => Promise.resolve(url),
): Promise<Nodes> {
  if (!hasPostgres) throw new CannotRun('there is no PostgreSQL for this platform');
  const postgres = await openPostgres();
  closing.push(() => postgres.stop());
  const upstream = await openHostileUpstream();
  const url = await postgres.newDatabase();
  const env = {
    ...EGRESS,
    GATEWRIGHT_DATABASE_URL: url,
    GATEWRIGHT_MASTER_KEY: randomBytes(32).toString('base64'),
    GATEWRIGHT_ACCESS_KEY_ID: KEY.accessKeyId,
    GATEWRIGHT_SECRET_ACCESS_KEY: KEY.secretAccessKey,
  };
  const first = await startServer({ env });
  const other = await startServer({ env: { ...env, GATEWRIGHT_DATABASE_URL: await second(url) } });
  const made = await make(controlOf(first, KEY), 'shared', { api: apiOf(upstream.url, 'find', 'postfind') });
  await until('both serve it', async () =>
    (await Promise.all([first, other].map((node) => callOn(node, made)))).every(({ isGood }) => isGood),
  );
  return { postgres, url, env, nodes: [first, other], made, upstream };
}

const callOn = (node: RunningServer, made: Made): Promise<Answer> =>
  call(`${node.url}${made.path}`, 'api___find');

/** Calls of both nodes in turn. */
const callBoth = ({ nodes, made }: Nodes, count = 200): Promise<readonly Answer[]> =>
  calls(count, 4, (turn) => callOn(nodes[turn % 2] ?? nodes[0], made));

interface Refusal {
  readonly name: string;
  readonly message: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Tries to write; undefined when it was done. */
function tryWrite(control: BedrockAgentCoreControlClient): Promise<Refusal | undefined> {
  return makeGateway(control, `w${randomBytes(6).toString('hex')}`).then(
    () => undefined,
    (thrown: unknown) => thrown as Refusal,
  );
}

const isTyped503 = (refusal: Refusal | undefined): boolean =>
  refusal?.name === 'InternalServerException' && refusal.$metadata?.httpStatusCode === 503;

const isRunning = ({ child }: RunningServer): boolean => child.exitCode === null && child.signalCode === null;

const degraded = async (node: RunningServer): Promise<boolean> => {
  const answer = await fetch(`${node.url}/readyz`);
  return answer.status === 200 && JSON.stringify(await answer.json()).includes('degraded');
};

/** Writes work again on both nodes, and what is written on one serves on the other. */
async function recovers(scene: Nodes): Promise<Check> {
  const [first, second] = scene.nodes;
  for (const node of scene.nodes)
    await until('writes work again', async () => (await tryWrite(controlOf(node, KEY))) === undefined);
  const after = await make(controlOf(first, KEY), `after${randomBytes(4).toString('hex')}`, {
    api: apiOf(scene.upstream.url, 'find'),
  });
  await until('the other node serves it', async () => (await callOn(second, after)).isGood);
  return exactly('recovered without a restart', scene.nodes.filter(isRunning).length, 2);
}

/** Calls, and writes at the same time: the same load with and without a fault. */
async function mixedLoad(
  scene: Nodes,
): Promise<[rounds: readonly Answer[], refusals: readonly (Refusal | undefined)[]]> {
  const control = controlOf(scene.nodes[0], KEY);
  const writes = Promise.all(Array.from({ length: MAX_WRITES }, () => tryWrite(control)));
  const rounds: Answer[] = [];
  let areOver = false;
  void writes.finally(() => (areOver = true));
  do rounds.push(...(await callBoth(scene)));
  while (!areOver);
  return [rounds, await writes];
}

/** @param baseline of the same load before */
async function whileAway(scene: Nodes, baseline: readonly Answer[]): Promise<readonly Check[]> {
  const [rounds, refusals] = await mixedLoad(scene);
  return [
    exactly('calls answered', goodShare(rounds), 1),
    atMost('their p99 to that before', p99(rounds) / p99(baseline), 3),
    exactly('writes refused with a typed 503', refusals.filter(isTyped503).length, MAX_WRITES),
    exactly('says that it is degraded', String(await degraded(scene.nodes[0])), 'true'),
    exactly('nodes running', scene.nodes.filter(isRunning).length, 2),
  ];
}

async function killed(): Promise<readonly Check[]> {
  const scene = await openNodes();
  await callBoth(scene);
  const [baseline] = await mixedLoad(scene);
  await scene.postgres.kill();
  const checks = await whileAway(scene, baseline);
  await scene.postgres.start();
  return [...checks, await recovers(scene)];
}

async function frozen(): Promise<readonly Check[]> {
  const scene = await openNodes();
  await callBoth(scene);
  const [baseline] = await mixedLoad(scene);
  scene.postgres.freeze();
  closing.push(() => scene.postgres.thaw());
  const checks = await whileAway(scene, baseline);
  scene.postgres.thaw();
  return [...checks, await recovers(scene)];
}

async function ask(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

async function readOnly(): Promise<readonly Check[]> {
  const scene = await openNodes();
  const control = controlOf(scene.nodes[0], KEY);
  const isReadOnly = (value: string): Promise<void> =>
    ask(
      scene.postgres.url,
      `alter system set default_transaction_read_only = ${value}`,
      'select pg_reload_conf()',
    );
  await isReadOnly('on');
  await until('writes are refused', async () => (await tryWrite(control)) !== undefined);
  const refusals = await Promise.all(Array.from({ length: 10 }, () => tryWrite(control)));
  const read = await control.send(new GetGatewayCommand({ gatewayIdentifier: scene.made.gatewayId }));
  const answers = await callBoth(scene);
  const alarms = scene.nodes[0].lines.filter(
    ({ level, msg, ...more }) =>
      /error|warn/.test(String(level)) && /read-only/.test(`${String(msg)} ${JSON.stringify(more)}`),
  );
  // A superuser’s own transaction may be told to write.
  await ask(
    scene.postgres.url,
    'set default_transaction_read_only = off',
    'alter system reset default_transaction_read_only',
    'select pg_reload_conf()',
  );
  return [
    exactly('writes refused with a typed 503', refusals.filter(isTyped503).length, 10),
    exactly('reads', read.status ?? '', 'READY'),
    exactly('calls answered', goodShare(answers), 1),
    atLeast('lines in the log that say so', alarms.length, 1),
    await recovers(scene),
  ];
}

async function exhausted(): Promise<readonly Check[]> {
  const scene = await openNodes();
  const own = new Client({ connectionString: scene.postgres.url, application_name: 'row' });
  await own.connect();
  const taken: Client[] = [];
  const take = async (): Promise<boolean> => {
    const client = new Client({ connectionString: scene.postgres.url, application_name: 'row' });
    client.on('error', () => undefined);
    try {
      await client.connect();
      taken.push(client);
      return true;
    } catch {
      return false;
    }
  };
  closing.push(() => Promise.all([own, ...taken].map((client) => client.end().catch(() => undefined))));
  // The nodes lose theirs, and everybody wants one.
  const takeAll = async (): Promise<void> => {
    await own.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gatewright'",
    );
    while (taken.length < MAX_CONNECTIONS && (await take()));
  };
  const areLeft = async (): Promise<boolean> =>
    (await own.query("select 1 from pg_stat_activity where application_name = 'gatewright'")).rowCount !== 0;
  for (let round = 0; round < 3 || (round < 30 && (await areLeft())); round += 1) await takeAll();
  const control = controlOf(scene.nodes[0], KEY);
  const refusals = await Promise.all(Array.from({ length: 10 }, () => tryWrite(control)));
  const answers = await callBoth(scene);
  const late = spawnGatewright(['serve', '--listen', '127.0.0.1:0'], { env: scene.env });
  const waits = await Promise.race([
    late.line(({ msg }) => String(msg).includes('waits for it')).then(() => 'waits'),
    late.ended.then(({ code }) => `ended with ${code}: ${late.stdout().slice(-300)}`),
  ]).catch((thrown: unknown) => String(thrown).slice(0, 400));
  await Promise.all(taken.splice(0).map((client) => client.end()));
  const isLateReady =
    waits === 'waits' &&
    (await late
      .line(({ msg }) => msg === 'ready')
      .then(
        () => true,
        () => false,
      ));
  return [
    exactly('writes refused with a typed 503', refusals.filter(isTyped503).length, 10),
    exactly('calls answered', goodShare(answers), 1),
    exactly('a node that starts meanwhile', waits, 'waits'),
    exactly('and serves after that', String(isLateReady), 'true'),
    await recovers(scene),
  ];
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function startingAlone(): Promise<readonly Check[]> {
  const scene = await openNodes();
  await scene.postgres.kill();
  const listen = `127.0.0.1:${await freePort()}`;
  const node = spawnGatewright(['serve', '--listen', listen, '--data-dir', scene.nodes[0].dataDir], {
    env: scene.env,
  });
  await node.line(({ msg }) => String(msg).includes('waits for it'));
  let [isEmptyAndReady, asked] = [0, 0];
  const url = `http://${listen}`;
  const isReady = (): Promise<boolean> =>
    fetch(`${url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    );
  for (let round = 0; round < 40; round += 1) {
    asked += 1;
    if (await isReady()) isEmptyAndReady += 1;
    await pause(50);
  }
  await scene.postgres.start();
  // From the first moment that it says it is ready, it serves.
  let hasServedEmpty = 0;
  await until('it is ready', async () => {
    if (!(await isReady())) return false;
    if (!(await call(`${url}${scene.made.path}`, 'api___find')).isGood) hasServedEmpty += 1;
    return true;
  });
  return [
    exactly(`ready without its database, of ${asked}`, isEmptyAndReady, 0),
    exactly('ready and empty afterwards', hasServedEmpty, 0),
    exactly('process', node.child.exitCode === null ? 'running' : 'ended', 'running'),
  ];
}

/** How long it takes until what is READY on one node serves on the other, at the longest of several times (seconds). */
async function untilShared({ nodes: [first, second], upstream }: Nodes): Promise<number> {
  let longest = 0;
  for (let turn = 0; turn < 5; turn += 1) {
    const made = await make(controlOf(first, KEY), `one-${turn}`, { api: apiOf(upstream.url, 'find') });
    const from = performance.now();
    await until('the other node serves it', async () => (await callOn(second, made)).isGood);
    longest = Math.max(longest, performance.now() - from);
  }
  return longest / 1_000;
}

async function rolling(): Promise<readonly Check[]> {
  const scene = await openNodes();
  const sharedS = await untilShared(scene);
  const { nodes, made, upstream, env } = scene;
  let turn = 0;
  const ids = new Set<string>();
  const load = underLoad(4, async () => {
    const q = `roll${(turn += 1)}`;
    ids.add(q);
    const [first, second] = turn % 2 === 0 ? [nodes[0].url, nodes[1].url] : [nodes[1].url, nodes[0].url];
    const answer = await call(`${first}${made.path}`, 'api___postfind', q);
    // Refused: the next node.
    return answer.status === 0 ? call(`${second}${made.path}`, 'api___postfind', q) : answer;
  });
  for (let round = 0; round < 2; round += 1)
    for (const index of [0, 1] as const) {
      const listen = new URL(nodes[index].url).host;
      await nodes[index].stop();
      nodes[index] = await startServer({ env, listen });
    }
  const answers = await load.stop();
  const seen = [...ids].map((q) => upstream.asked.get(`/postfind?${q}`) ?? 0);
  return [
    atMost('seconds until a gateway of one node serves on the other', sharedS, 1),
    atLeast('calls', answers.length, 100),
    exactly('answered', goodShare(answers), 1),
    exactly('that reached the upstream not exactly once', seen.filter((count) => count !== 1).length, 0),
  ];
}

/** A way to the database that can be cut. */
async function openCut(url: string): Promise<{ readonly url: string; cut(): void; heal(): void }> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const port = Number(new URL(url).port);
  const server = createServer((incoming) => {
    if (isCut) {
      incoming.destroy();
      return;
    }
    const outgoing = connect(port, '127.0.0.1');
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        incoming.destroy();
        outgoing.destroy();
      });
    }
    incoming.pipe(outgoing).pipe(incoming);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    heal: () => void (isCut = false),
  };
}

async function partitioned(): Promise<readonly Check[]> {
  let way: Awaited<ReturnType<typeof openCut>> | undefined;
  const scene = await openNodes(async (url) => {
    way = await openCut(url);
    return way.url;
  });
  const [first, second] = scene.nodes;
  way?.cut();
  const refusals = await Promise.all(Array.from({ length: 10 }, () => tryWrite(controlOf(second, KEY))));
  const [onFirst, onSecond] = [await degraded(first), await degraded(second)];
  // What is changed on the other side meanwhile is not known here, and is when the way is back.
  const meanwhile = await make(controlOf(first, KEY), 'meanwhile', {
    api: apiOf(scene.upstream.url, 'find'),
  });
  const stale = await callOn(second, meanwhile);
  const answers = await callBoth(scene);
  way?.heal();
  const from = performance.now();
  await until('the change arrives', async () => (await callOn(second, meanwhile)).isGood, 60_000);
  return [
    exactly('writes refused on the side without', refusals.filter(isTyped503).length, 10),
    exactly('degraded: with, without', `${onFirst}, ${onSecond}`, 'false, true'),
    exactly('calls answered on both', goodShare(answers), 1),
    // It may be there: nobody here can tell.
    exactly('what is new there, here', stale.status, 503),
    atMost('seconds until it is here', (performance.now() - from) / 1_000, 15),
    await recovers(scene),
  ];
}

export const POSTGRES_ROWS: readonly Row[] = [
  { id: 'F12', words: 'PostgreSQL killed', isTimed: true, run: killed },
  { id: 'F13', words: 'PostgreSQL stands still', isTimed: true, run: frozen },
  { id: 'F14', words: 'PostgreSQL only lets read', run: readOnly },
  { id: 'F15', words: 'PostgreSQL has no connection left', run: exhausted },
  { id: 'F16', words: 'a node starts while PostgreSQL is down', run: startingAlone },
];

export const NODE_ROWS: readonly Row[] = [
  { id: 'F31', words: 'rolling restart of two nodes under load, twice', run: rolling },
  { id: 'F32', words: 'one of two nodes cut off from PostgreSQL', isTimed: true, run: partitioned },
];

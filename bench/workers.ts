// `npm run bench:workers`: calls a second of two workers to one, as the real process serves them, and the CPU of a call with
// audit log and log lines on to the same with them off. Both in turn, in one run; figures of the system's own counters. The
// load and the API behind the gateway share the machine with it and take as little of it as they can; scaling is shown with
// a page of a hundred objects as the result, the cost of records with the smallest call, where it shows most.

import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  BedrockAgentCoreControlClient,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { answer, median, start } from './measure.ts';
import { openRawLoad } from './raw-load.ts';
import type { RawLoad } from './raw-load.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 9);
const CALLS = Number(process.env['BENCH_CALLS'] ?? 6_000);
const CONNECTIONS = 64;
const TICKS_PER_SECOND = 100;
const MAIN = join(import.meta.dirname, '../src/cli/main.ts');
const KEY = { accessKeyId: 'AKIAOPERATOR00000000', secretAccessKey: 'operator-secret-operator-secret' };
const { workersRatio, recordedRatio } = JSON.parse(
  readFileSync(new URL('budget.json', import.meta.url), 'utf8'),
) as { workersRatio: number; recordedRatio: number };

const cores = cpus().length;
/** What measure.ts has pinned, and whatever it starts, may have all cores: who gets which is the scheduler's matter. */
const release = (pid: number | undefined): void =>
  void spawnSync('taskset', ['-apc', `0-${cores - 1}`, String(pid)], { stdio: 'ignore' });
release(process.pid);
const upstream = start('process-raw-upstream.ts', []);
const { port } = await answer<{ port: number }>(upstream);
release(upstream.pid);
const folders: string[] = [];

const PET = {
  type: 'object',
  required: ['id', 'name', 'kind'],
  properties: {
    id: { type: 'integer' },
    name: { type: 'string', minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9 ]+$' },
    kind: { type: 'string', enum: ['dog', 'cat', 'bird'] },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 8 },
    owner: {
      type: 'object',
      required: ['id'],
      properties: { id: { type: 'integer' }, name: { type: 'string' } },
    },
  },
};
const PETS = {
  type: 'object',
  required: ['items'],
  properties: { items: { type: 'array', items: PET }, next: { type: 'string' } },
};
const operation = (operationId: string, schema: object): object => ({
  get: {
    operationId,
    responses: { 200: { description: 'ok', content: { 'application/json': { schema } } } },
  },
});
const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'Pets', version: '1' },
  servers: [{ url: `http://127.0.0.1:${port}` }],
  paths: { '/pet': operation('pet', PET), '/pets': operation('pets', PETS) },
};

/** A server under load. */
interface Measured {
  readonly name: string;
  readonly child: ChildProcess;
  readonly load: RawLoad;
}

/** A real server with one gateway. @param env settings beside those that it needs */
async function open(name: string, tool: 'pet' | 'pets', env: Record<string, string> = {}): Promise<Measured> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-bench-'));
  folders.push(dataDir);
  const child = spawn(process.execPath, [MAIN, 'serve', '--listen', '127.0.0.1:0', '--data-dir', dataDir], {
    env: {
      PATH: process.env['PATH'],
      HOME: dataDir,
      AWS_EC2_METADATA_DISABLED: 'true',
      GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1',
      GATEWRIGHT_ACCESS_KEY_ID: KEY.accessKeyId,
      GATEWRIGHT_SECRET_ACCESS_KEY: KEY.secretAccessKey,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ready = await new Promise<string>((resolve, reject) => {
    child.once('close', () => reject(new Error('the server ended')));
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      const { msg, url } = JSON.parse(line) as { msg?: string; url?: string };
      if (msg === 'ready') {
        lines.close();
        // Lines of calls are nobody's business here, and to read them would cost.
        child.stdout.resume();
        resolve(url ?? '');
      }
    });
  });
  const gatewayUrl = await createGateway(ready);
  const message = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: `pets___${tool}`, arguments: {} },
  };
  const headers = { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' };
  return { name, child, load: await openRawLoad(new URL(gatewayUrl), headers, message, CONNECTIONS) };
}

async function createGateway(endpoint: string): Promise<string> {
  const control = new BedrockAgentCoreControlClient({ endpoint, region: 'us-east-1', credentials: KEY });
  const { gatewayId, gatewayUrl = '' } = await control.send(
    new CreateGatewayCommand({
      name: 'bench',
      roleArn: 'arn:aws:iam::000000000000:role/bench',
      protocolType: 'MCP',
      authorizerType: 'NONE',
    }),
  );
  const { targetId } = await control.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier: gatewayId,
      name: 'pets',
      targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(DOCUMENT) } } },
    }),
  );
  const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
  while ((await control.send(get)).status !== 'READY')
    await new Promise((resolve) => setTimeout(resolve, 50));
  // Every worker has heard of it.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  control.destroy();
  return gatewayUrl;
}

/** CPU seconds of a process, with those that it started. */
function cpuOf(pid: number | undefined): number {
  const read = (id: string): string[] | undefined => {
    try {
      return readFileSync(`/proc/${id}/stat`, 'latin1').split(') ').at(-1)?.split(' ');
    } catch {
      return undefined;
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ name, stat: read(name) }))
    .filter(({ name, stat }) => name === String(pid) || stat?.[1] === String(pid))
    .reduce((sum, { stat }) => sum + (Number(stat?.[11]) + Number(stat?.[12])) / TICKS_PER_SECOND, 0);
}

interface Figures {
  readonly perSecond: number[];
  readonly micros: number[];
  /** CPU seconds a second: how many cores the server had. */
  readonly cores: number[];
}

async function inTurn(servers: readonly Measured[], calls: number): Promise<readonly Figures[]> {
  const figures = servers.map((): Figures => ({ perSecond: [], micros: [], cores: [] }));
  for (let warm = 0; warm < 3; warm += 1) for (const each of servers) await each.load.load(calls);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [at, { child, load }] of servers.entries()) {
      const [from, before] = [performance.now(), cpuOf(child.pid)];
      await load.load(calls);
      const seconds = (performance.now() - from) / 1_000;
      const used = cpuOf(child.pid) - before;
      figures[at]?.perSecond.push(calls / seconds);
      figures[at]?.micros.push((used * 1e6) / calls);
      figures[at]?.cores.push(used / seconds);
    }
  return figures;
}

const ratioOf = (over: readonly number[] = [], under: readonly number[] = []): number =>
  median(over.map((value, round) => value / (under[round] ?? Number.NaN)));

async function close(servers: readonly Measured[]): Promise<void> {
  for (const { child, load } of servers) {
    load.close();
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await ended;
  }
}

const off = { GATEWRIGHT_AUDIT: 'off', GATEWRIGHT_LOG_LEVEL: 'error' };
const scaled = [
  await open('one worker', 'pets'),
  await open('two workers', 'pets', { GATEWRIGHT_WORKERS: '2' }),
  await open('one, log, audit off', 'pets', off),
];
const [one, two, silent] = await inTurn(scaled, CALLS);
await close(scaled);
const recorded = [await open('small call, both off', 'pet', off), await open('small call, both on', 'pet')];
// The system counts in hundredths of a second: small calls have to be many.
const [without, having] = await inTurn(recorded, 3 * CALLS);
await close(recorded);
upstream.disconnect();
for (const folder of folders) rmSync(folder, { recursive: true, force: true });

console.log(
  `${ROUNDS} rounds of ${CALLS} calls and of ${3 * CALLS} small ones in turn, ${CONNECTIONS} kept connections, ${cores} cores (medians)`,
);
for (const [at, each] of [one, two, silent, without, having].entries())
  console.log(
    `${([...scaled, ...recorded][at]?.name ?? '').padEnd(21)} ${median(each?.perSecond ?? [])
      .toFixed(0)
      .padStart(6)} calls/s  ${median(each?.micros ?? [])
      .toFixed(0)
      .padStart(5)} CPU µs a call  ${median(each?.cores ?? []).toFixed(2)} cores`,
  );
const scaling = ratioOf(two?.perSecond, one?.perSecond);
const cost = ratioOf(having?.micros, without?.micros);
const costOfPage = ratioOf(one?.micros, silent?.micros);
const isScaled = scaling >= workersRatio;
const isCheap = cost <= recordedRatio;
console.log(
  `two workers to one: ${scaling.toFixed(2)}; target ${workersRatio}: ${isScaled ? 'kept' : 'missed'}`,
);
console.log(
  `log and audit on to off: ${costOfPage.toFixed(2)} of a page, ${cost.toFixed(2)} of the smallest call; budget ${recordedRatio}: ${isCheap ? 'kept' : 'exceeded'}`,
);
process.exitCode = isScaled && isCheap ? 0 : 1;

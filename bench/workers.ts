// `npm run bench:workers`: calls a second of two workers to one, as the real process serves them, and the CPU of a call with
// audit log and log lines on to the same with them off. Both in turn, in one run; figures of the system's own counters.

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
import { answer, load, median, server, start } from './measure.ts';
import type { Server } from './measure.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const CALLS = Number(process.env['BENCH_CALLS'] ?? 3_000);
const CONNECTIONS = 32;
const TICKS_PER_SECOND = 100;
const MAIN = join(import.meta.dirname, '../src/cli/main.ts');
const KEY = { accessKeyId: 'AKIAOPERATOR00000000', secretAccessKey: 'operator-secret-operator-secret' };
const { workersRatio, recordedRatio } = JSON.parse(
  readFileSync(new URL('budget.json', import.meta.url), 'utf8'),
) as { workersRatio: number; recordedRatio: number };

const upstream = start('process-upstream.ts', []);
const { port } = await answer<{ port: number }>(upstream);
const cores = cpus().length;
const folders: string[] = [];

/** A real server with one tool. @param env settings beside those that it needs */
async function open(name: string, env: Record<string, string>): Promise<Server> {
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
  // The load stays on its core (measure.ts); the server may have all of them.
  spawnSync('taskset', ['-apc', `0-${cores - 1}`, String(child.pid)], { stdio: 'ignore' });
  const ready = await new Promise<string>((resolve, reject) => {
    child.once('close', () => reject(new Error('the server ended')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { msg, url } = JSON.parse(line) as { msg?: string; url?: string };
      if (msg === 'ready') resolve(url ?? '');
    });
  });
  const control = new BedrockAgentCoreControlClient({
    endpoint: ready,
    region: 'us-east-1',
    credentials: KEY,
  });
  const { gatewayId, gatewayUrl = '' } = await control.send(
    new CreateGatewayCommand({
      name: 'bench',
      roleArn: 'arn:aws:iam::000000000000:role/bench',
      protocolType: 'MCP',
      authorizerType: 'NONE',
    }),
  );
  const document = {
    openapi: '3.1.0',
    info: { title: 'Pets', version: '1' },
    servers: [{ url: `http://127.0.0.1:${port}` }],
    paths: { '/pets': { get: { operationId: 'find', responses: { 200: { description: 'ok' } } } } },
  };
  const { targetId } = await control.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier: gatewayId,
      name: 'pets',
      targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
    }),
  );
  const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
  while ((await control.send(get)).status !== 'READY')
    await new Promise((resolve) => setTimeout(resolve, 50));
  // Every worker has heard of it.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  control.destroy();
  const message = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'pets___find', arguments: {} },
  };
  const headers = { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' };
  return server(name, child, new URL(gatewayUrl), headers, message, CONNECTIONS);
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

async function inTurn(servers: readonly Server[]): Promise<readonly Figures[]> {
  const figures = servers.map((): Figures => ({ perSecond: [], micros: [], cores: [] }));
  for (const each of servers) await load(each, CALLS);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [at, each] of servers.entries()) {
      const [from, before] = [performance.now(), cpuOf(each.process.pid)];
      await load(each, CALLS);
      const seconds = (performance.now() - from) / 1_000;
      const used = cpuOf(each.process.pid) - before;
      figures[at]?.perSecond.push(CALLS / seconds);
      figures[at]?.micros.push((used * 1e6) / CALLS);
      figures[at]?.cores.push(used / seconds);
    }
  return figures;
}

const ratioOf = (over: readonly number[] = [], under: readonly number[] = []): number =>
  median(over.map((value, round) => value / (under[round] ?? Number.NaN)));

async function close(servers: readonly Server[]): Promise<void> {
  for (const each of servers) {
    await each.pool.close();
    const ended = new Promise((resolve) => (each.process satisfies ChildProcess).once('close', resolve));
    each.process.kill('SIGTERM');
    await ended;
  }
}

const scaled = [await open('one worker', {}), await open('two workers', { GATEWRIGHT_WORKERS: '2' })];
const [one, two] = await inTurn(scaled);
await close(scaled);
const off = { GATEWRIGHT_AUDIT: 'off', GATEWRIGHT_LOG_LEVEL: 'error' };
const recorded = [await open('log and audit off', off), await open('log and audit on', {})];
const [without, having] = await inTurn(recorded);
await close(recorded);
upstream.disconnect();
for (const folder of folders) rmSync(folder, { recursive: true, force: true });

console.log(
  `${ROUNDS} rounds of ${CALLS} calls in turn, ${CONNECTIONS} kept connections, ${cores} cores (medians)`,
);
for (const [at, each] of [one, two, without, having].entries())
  console.log(
    `${([...scaled, ...recorded][at]?.name ?? '').padEnd(20)} ${median(each?.perSecond ?? [])
      .toFixed(0)
      .padStart(6)} calls/s  ${median(each?.micros ?? [])
      .toFixed(0)
      .padStart(5)} CPU µs a call  ${median(each?.cores ?? []).toFixed(2)} cores`,
  );
const scaling = ratioOf(two?.perSecond, one?.perSecond);
const perCall = ratioOf(two?.micros, one?.micros);
const cost = ratioOf(having?.micros, without?.micros);
// Load and upstream need a core too: with two cores in all, two workers cannot have both. Then what counts is that a call
// costs two workers no more than one: with a core for each they make 2 ÷ that of it.
const isBound = median(two?.cores ?? []) < 1.6;
const expected = 2 / perCall;
const isScaled = isBound ? expected >= workersRatio : scaling >= workersRatio;
console.log(
  isBound
    ? `two workers to one: ${scaling.toFixed(2)} here, where load and upstream leave them ${median(two?.cores ?? []).toFixed(2)} of ${cores} cores; CPU a call ${perCall.toFixed(2)}, which is ${expected.toFixed(2)} with a core each; target ${workersRatio}: ${isScaled ? 'kept, as far as can be measured here' : 'missed'}`
    : `two workers to one: ${scaling.toFixed(2)}; target ${workersRatio}: ${isScaled ? 'kept' : 'missed'}`,
);
console.log(
  `log and audit on to off: ${cost.toFixed(2)}; budget ${recordedRatio}: ${cost <= recordedRatio ? 'kept' : 'exceeded'}`,
);
process.exitCode = isScaled && cost <= recordedRatio ? 0 : 1;

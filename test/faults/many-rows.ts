// F37: one server with 1,000 gateways and 10,000 targets. It starts in a time that grows with them and no faster, answers about
// each gateway as if it were alone, and holds little of each.

import { join } from 'node:path';
import { ListGatewaysCommand } from '@aws-sdk/client-bedrock-agentcore-control';
import type { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
import { newGatewayId, newId, newTargetId } from '../../src/core/ids.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open.ts';
import { startServer } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import {
  EGRESS,
  addTargets,
  apiOf,
  call,
  calls,
  controlOf,
  goodShare,
  keptConnections,
  listTools,
  make,
  medianOf,
  p99,
} from './house.ts';
import type { Answer } from './house.ts';
import { openHostileUpstream } from './hostile-upstream.ts';
import { atLeast, atMost, exactly, median } from './row.ts';
import type { Check, Row } from './row.ts';
import { memoryOf } from './upstream-rows.ts';

const TARGETS = 10;
const FEW = 100;
const MANY = 1_000;
const OPERATIONS = ['find', 'list', 'postmake', 'postchange', 'describe'] as const;

/** Copies a gateway and its targets so many times, by the product's own store. @returns the ids of the copies */
async function copyGateway(dataDir: string, gatewayId: string, copies: number): Promise<readonly string[]> {
  const store = await openSqliteStore(join(dataDir, 'gatewright.db'));
  const made: string[] = [];
  try {
    const gateway = await store.get('gateway', gatewayId);
    const { rows: targets } = await store.list('gateway-target', gatewayId, { limit: TARGETS });
    const catalogues = await Promise.all(
      targets.map(({ document }) => store.get('catalogue', document.live?.catalogueId ?? '')),
    );
    if (!gateway || targets.length !== TARGETS) throw new Error('there is nothing to be copied');
    await store.transaction(async (tx) => {
      for (let copy = 0; copy < copies; copy += 1) {
        const name = `copy${newId().slice(0, 18)}`;
        const id = newGatewayId(name);
        await tx.create('gateway', { id, name, document: gateway.document });
        for (const [at, { document, name: targetName }] of targets.entries()) {
          const catalogue = catalogues[at];
          if (!catalogue || !document.live) throw new Error('a target is not served');
          const [targetId, catalogueId] = [newTargetId(), newId()];
          await tx.create('catalogue', {
            id: catalogueId,
            parentId: targetId,
            name: catalogueId,
            document: catalogue.document,
          });
          await tx.create('gateway-target', {
            id: targetId,
            parentId: id,
            name: targetName,
            document: { ...document, live: { ...document.live, catalogueId } },
          });
        }
        made.push(id);
      }
    });
  } finally {
    await store.close();
  }
  return made;
}

interface Seen {
  readonly startMs: number;
  readonly memory: number;
  readonly lists: readonly (readonly Answer[])[];
  readonly server: RunningServer;
}

/** A server on the folder as it is: how long it takes to start, and to list the tools of some of its gateways. */
async function look(dataDir: string, ids: readonly string[]): Promise<Seen> {
  const starts: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    const from = performance.now();
    const first = await startServer({ dataDir, env: EGRESS });
    starts.push(performance.now() - from);
    await first.stop();
  }
  const from = performance.now();
  const server = await startServer({ dataDir, env: EGRESS });
  starts.push(performance.now() - from);
  const kept = keptConnections();
  const memory = memoryOf(server);
  const lists: (readonly Answer[])[] = [];
  const list = (turn: number): Promise<Answer> =>
    listTools(`${server.url}/gateways/${ids[(turn * 7) % ids.length]}/mcp`, kept);
  await calls(400, 4, list);
  for (let round = 0; round < 5; round += 1) lists.push(await calls(400, 4, list));
  return { startMs: median(starts), memory, lists, server };
}

async function listedGateways(control: BedrockAgentCoreControlClient): Promise<number> {
  const ids = new Set<string>();
  let nextToken: string | undefined;
  do {
    const page = await control.send(new ListGatewaysCommand({ maxResults: 100, nextToken }));
    for (const { gatewayId = '' } of page.items ?? []) ids.add(gatewayId);
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  return ids.size;
}

async function manyTargets(): Promise<readonly Check[]> {
  const upstream = await openHostileUpstream();
  const first = await startServer({ env: EGRESS });
  const { dataDir } = first;
  const made = await make(
    controlOf(first),
    'seed',
    Object.fromEntries(
      Array.from({ length: TARGETS }, (_, at) => [`api${at}`, apiOf(upstream.url, ...OPERATIONS)]),
    ),
  );
  await first.stop();
  const one = await look(dataDir, [made.gatewayId]);
  await one.server.stop();
  const ids = [made.gatewayId, ...(await copyGateway(dataDir, made.gatewayId, FEW - 1))];
  const few = await look(dataDir, ids);
  await few.server.stop();
  ids.push(...(await copyGateway(dataDir, made.gatewayId, MANY - FEW)));
  const many = await look(dataDir, ids);
  const { server } = many;
  const control = controlOf(server);
  const listed = await listedGateways(control);
  // Each of them serves, and what is made now does too.
  const kept = keptConnections();
  const answers = await calls(MANY, 4, (turn) =>
    call(`${server.url}/gateways/${ids[turn - 1]}/mcp`, `api${turn % TARGETS}___find`, `g${turn}`, kept),
  );
  const own = answers.filter(({ text }) => /\\"g\d+\\"/.test(text)).length;
  const from = performance.now();
  const [lateIn = ''] = ids.slice(-1);
  await addTargets(control, lateIn, { late: apiOf(upstream.url, 'find') });
  const lateMs = performance.now() - from;
  const isLateServed = (await call(`${server.url}/gateways/${lateIn}/mcp`, 'late___find')).isGood;
  const { code } = await server.stop();
  const tools = (JSON.parse(many.lists[0]?.[0]?.text ?? '{}') as { result?: { tools?: unknown[] } }).result
    ?.tools;
  const growth = (many.startMs - one.startMs) / Math.max(few.startMs - one.startMs, one.startMs * 0.05);
  return [
    exactly('gateways listed', listed, MANY),
    exactly('tools in a list', tools?.length ?? 0, OPERATIONS.length),
    exactly(
      'lists answered',
      many.lists.flat().filter(({ status, text }) => status === 200 && text.includes('api')).length,
      2_000,
    ),
    atMost('p99 of lists, to that of 10 targets', medianOf(many.lists, p99) / medianOf(one.lists, p99), 3),
    atMost('start beyond that of 10, to that of 1,000 targets', growth, (MANY / FEW) * 1.5),
    atMost('seconds until it is ready', many.startMs / 1_000, 30),
    atMost('KiB of memory a target', (many.memory - one.memory) / 1024 / (MANY * TARGETS), 48),
    exactly('calls, one of each gateway', goodShare(answers), 1),
    exactly('with their own answers', own, MANY),
    atLeast('calls upstream', upstream.total(), MANY),
    atMost('seconds until a new target serves', lateMs / 1_000, 15),
    exactly('it does', String(isLateServed), 'true'),
    exactly('exit code', code ?? -1, 0),
  ];
}

export const MANY_ROWS: readonly Row[] = [
  { id: 'F37', words: '1,000 gateways, 10,000 targets', isTimed: true, run: manyTargets },
];

// Two nodes on one PostgreSQL: what is made on one serves on the other, a rolling restart loses no call, and while the
// database is away, killed or hanging, calls go on and writes say what is wrong.

import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import {
  BedrockAgentCoreControlClient,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { closing, spawnGatewright, startServer } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import { hasPostgres, openPostgres } from '../support/postgres.ts';
import type { Postgres } from '../support/postgres.ts';
import { describeApi, openUpstream } from '../support/upstream.ts';
import type { Upstream } from '../support/upstream.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };
const KEY = { accessKeyId: 'AKIAOPERATOR00000000', secretAccessKey: 'operator-secret-operator-secret' };

let postgres: Postgres;
let upstream: Upstream;
let env: Record<string, string>;

/** A node of its own data folder, on the shared database and with the shared keys. */
const startNode = (listen?: string): Promise<RunningServer> =>
  startServer({ env, ...(listen === undefined ? {} : { listen }) });

function controlOf(node: Pick<RunningServer, 'controlEndpoint'>): BedrockAgentCoreControlClient {
  const client = new BedrockAgentCoreControlClient({
    endpoint: node.controlEndpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: KEY,
  });
  closing.push(() => client.destroy());
  return client;
}

async function makeGateway(node: RunningServer, name: string): Promise<string> {
  const control = controlOf(node);
  const { gatewayId = '' } = await control.send(
    new CreateGatewayCommand({
      name,
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
  return gatewayId;
}

/** One call, on a connection of its own unless there is an agent: the status and text of the answer. */
function call(node: string, gatewayId: string, agent: Agent | false = false): Promise<string> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'api___find', arguments: { q: 'x' } },
  });
  return new Promise((resolve, reject) => {
    const sent = request(
      `${node}/gateways/${gatewayId}/mcp`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve(`${answer.statusCode} ${text}`));
        answer.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const GOOD = expect.stringMatching(/^200 .*"isError":false/) as unknown;

describe.skipIf(!hasPostgres)('two nodes on PostgreSQL', () => {
  let nodes: [RunningServer, RunningServer];
  let gatewayId: string;

  beforeAll(async () => {
    postgres = await openPostgres();
    closing.push(() => postgres.stop());
    upstream = await openUpstream();
    closing.push(() => upstream.close());
    env = {
      GATEWRIGHT_DATABASE_URL: await postgres.newDatabase(),
      GATEWRIGHT_MASTER_KEY: randomBytes(32).toString('base64'),
      GATEWRIGHT_ACCESS_KEY_ID: KEY.accessKeyId,
      GATEWRIGHT_SECRET_ACCESS_KEY: KEY.secretAccessKey,
      GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1',
    };
    nodes = [await startNode(), await startNode()];
    gatewayId = await makeGateway(nodes[0], 'shared');
  }, 90_000);

  test('what is made on one serves on the other', async () => {
    await vi.waitFor(async () => expect(await call(nodes[1].url, gatewayId)).toEqual(GOOD), PATIENCE);
    const second = await makeGateway(nodes[1], 'from-the-other');
    await vi.waitFor(async () => expect(await call(nodes[0].url, second)).toEqual(GOOD), PATIENCE);
  });

  // The system resets connections that were made but not yet accepted when a listening socket closes; whoever is told so
  // tries the next node, as when it is refused. That nothing which was accepted is dropped, the upstream shows: it sees
  // each call once.
  test('a rolling restart loses no call for a client that tries the next node when one refuses', async () => {
    const outcomes: string[] = [];
    const before = upstream.requests.length;
    let isOver = false;
    let turn = 0;
    const load = async (): Promise<void> => {
      while (!isOver) {
        turn += 1;
        const [first = '', second = ''] = [nodes[turn % 2], nodes[(turn + 1) % 2]].map((node) => node?.url);
        outcomes.push(
          await call(first, gatewayId)
            .catch(() => call(second, gatewayId))
            .catch((thrown: Error) => `lost: ${thrown.message}`),
        );
      }
    };
    const clients = Array.from({ length: 4 }, load);
    for (const index of [0, 1] as const) {
      const old = nodes[index];
      await old.stop();
      nodes[index] = await startNode(new URL(old.url).host);
    }
    isOver = true;
    await Promise.all(clients);
    expect(outcomes.length).toBeGreaterThan(20);
    expect(outcomes.filter((outcome) => !/^200 .*"isError":false/.test(outcome))).toEqual([]);
    expect(upstream.requests.length - before).toBe(outcomes.length);
  }, 60_000);

  test('nor one for clients that keep their connections and try again only what was refused', async () => {
    const outcomes: string[] = [];
    const before = upstream.requests.length;
    let isOver = false;
    const load = async (first: number): Promise<void> => {
      const agent = new Agent({ keepAlive: true });
      let index = first;
      while (!isOver) {
        const outcome = await call(nodes[index % 2]?.url ?? '', gatewayId, agent).catch((thrown: unknown) =>
          thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown),
        );
        if (outcome === 'ECONNREFUSED') index += 1;
        else outcomes.push(outcome);
      }
      agent.destroy();
    };
    const clients = [0, 1, 0, 1].map(load);
    for (const index of [0, 1] as const) {
      // Each has its connection by then.
      const soFar = outcomes.length;
      await vi.waitFor(() => expect(outcomes.length).toBeGreaterThan(soFar + 20), PATIENCE);
      const old = nodes[index];
      await old.stop();
      nodes[index] = await startNode(new URL(old.url).host);
    }
    isOver = true;
    await Promise.all(clients);
    expect(outcomes.length).toBeGreaterThan(20);
    expect(outcomes.filter((outcome) => !/^200 .*"isError":false/.test(outcome))).toEqual([]);
    expect(upstream.requests.length - before).toBe(outcomes.length);
  }, 60_000);

  test.each(['killed', 'frozen'] as const)(
    'with the database %s, calls go on and writes say so',
    async (how) => {
      const control = controlOf(nodes[0]);
      if (how === 'killed') await postgres.kill();
      else postgres.freeze();
      try {
        for (const node of nodes) {
          expect(await call(node.url, gatewayId)).toEqual(GOOD);
          expect((await fetch(`${node.url}/healthz`)).status).toBe(200);
        }
        // Another node may have made it just before; looked for it is not more often than every 100 ms.
        await vi.waitFor(
          async () => expect(await call(nodes[1].url, 'unheard-0123456789')).toMatch(/^503 .*at the moment/),
          PATIENCE,
        );
        const refused = control.send(
          new CreateGatewayCommand({
            name: `while-${how}`,
            roleArn: 'arn:aws:iam::000000000000:role/g',
            protocolType: 'MCP',
            authorizerType: 'NONE',
          }),
        );
        refused.catch(() => undefined);
        // Calls are served while a write waits for its database.
        const meanwhile = Promise.all(Array.from({ length: 50 }, () => call(nodes[0].url, gatewayId)));
        expect(new Set((await meanwhile).map((outcome) => outcome.slice(0, 3)))).toEqual(new Set(['200']));
        await expect(refused).rejects.toMatchObject({
          name: 'InternalServerException',
          message: expect.stringContaining('store cannot be reached') as unknown,
          $metadata: { httpStatusCode: 503 },
        });
        // Within the second that probes of Kubernetes wait: one that hears nothing takes the node out of service.
        const ready = await fetch(`${nodes[0].url}/readyz`, { signal: AbortSignal.timeout(1_000) });
        expect([ready.status, await ready.json()]).toEqual([
          200,
          { status: 'ready', degraded: ['the store cannot be reached'] },
        ]);
      } finally {
        if (how === 'killed') await postgres.start();
        else postgres.thaw();
      }
      // Back without a restart, on both.
      const after = await vi.waitFor(() => makeGateway(nodes[0], `after-${how}`), PATIENCE);
      await vi.waitFor(async () => expect(await call(nodes[1].url, after)).toEqual(GOOD), PATIENCE);
    },
    90_000,
  );

  test('a node that starts while the database is away waits, unready, and then serves', async () => {
    await postgres.kill();
    const waiting = spawnGatewright(['serve', '--listen', '127.0.0.1:0'], {
      env: { ...env, GATEWRIGHT_DATA_DIR: nodes[0].dataDir },
    });
    await waiting.line(({ msg }) => String(msg).includes('waits for it'));
    const quitting = spawnGatewright(['serve', '--listen', '127.0.0.1:0'], { env });
    await quitting.line(({ msg }) => String(msg).includes('waits for it'));
    expect(await quitting.kill('SIGTERM')).toMatchObject({ code: 0 });
    await postgres.start();
    const ready = await waiting.line(({ msg }) => msg === 'ready');
    await vi.waitFor(async () => expect(await call(String(ready['url']), gatewayId)).toEqual(GOOD), PATIENCE);
    await waiting.kill('SIGTERM');
  }, 60_000);

  test('a node that is not told the operator’s key says that its own is not the others’', async () => {
    const { GATEWRIGHT_ACCESS_KEY_ID: _id, GATEWRIGHT_SECRET_ACCESS_KEY: _secret, ...others } = env;
    const node = await startServer({ env: others });
    const said = (lines: readonly { msg?: unknown }[]): number =>
      lines.filter(({ msg }) => String(msg).includes('is this node’s own')).length;
    expect([said(node.lines), said(nodes[0].lines)]).toEqual([1, 0]);
    await node.stop();
  }, 60_000);

  test('a wrong password ends the start at once, and is not shown', async () => {
    const url = String(env['GATEWRIGHT_DATABASE_URL']).replace('gatewright@', 'nobody:very-secret-password@');
    const run = spawnGatewright(['serve', '--listen', '127.0.0.1:0'], {
      env: { ...env, GATEWRIGHT_DATABASE_URL: url },
    });
    expect(await run.ended).toMatchObject({ code: 1 });
    expect(run.stdout()).toContain('database cannot be opened');
    expect(run.stdout() + run.stderr()).not.toContain('very-secret-password');
  });
});

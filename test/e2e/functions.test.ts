// Local functions and the real process: they are there after a restart, and nothing of them is left when the server stops,
// also when it is killed.

import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, it, vi } from 'vitest';
import { ROLE, jsonOf, zipOf } from '../support/functions.ts';
import { closing, startServer, temporaryFolder } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';

function clientOf({ url, dataDir }: RunningServer): LambdaClient {
  const text = readFileSync(join(dataDir, 'credentials'), 'utf8');
  const member = (name: string) => new RegExp(`^${name} = (.+)$`, 'm').exec(text)?.[1] ?? '';
  const client = new LambdaClient({
    endpoint: url,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: {
      accessKeyId: member('aws_access_key_id'),
      secretAccessKey: member('aws_secret_access_key'),
    },
  });
  closing.push(() => client.destroy());
  return client;
}

/** How many processes of this machine carry a mark in their environment or their command line. */
function carriersOf(mark: string): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const text =
        readFileSync(`/proc/${pid}/environ`, 'latin1') + readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      return text.includes(mark);
    } catch {
      return false;
    }
  }).length;
}

const SOURCE = `
import { spawn } from 'node:child_process';
export const handler = async (event) => {
  if (event.child) spawn('/bin/sh', ['-c', 'trap "" TERM HUP INT; sleep 1000; : $MARK'], { stdio: 'ignore' });
  if (event.ms) await new Promise((r) => setTimeout(r, event.ms));
  return { mark: process.env.MARK, n: event.n };
};`;

async function deploy(sdk: LambdaClient, mark: string): Promise<void> {
  await sdk.send(
    new CreateFunctionCommand({
      FunctionName: 'orders',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: ROLE,
      Timeout: 60,
      Code: { ZipFile: await zipOf({ 'index.mjs': SOURCE }) },
      Environment: { Variables: { MARK: mark } },
    }),
  );
}

const call = (sdk: LambdaClient, event: object) =>
  sdk.send(new InvokeCommand({ FunctionName: 'orders', Payload: JSON.stringify(event) }));

let made = 0;
const newMark = (): string => `mark-${process.pid}-${(made += 1)}-${Math.floor(performance.now() * 1000)}`;

describe.each(['auto', 'off'] as const)('with the sandbox %s', (sandbox) => {
  const args = ['--function-sandbox', sandbox];

  it('nothing is left after SIGTERM, and the function is there after a restart', async () => {
    const server = await startServer({ args });
    const mark = newMark();
    await deploy(clientOf(server), mark);
    const answers = await Promise.all(
      [1, 2, 3].map((n) => call(clientOf(server), { n, ms: 200, child: true })),
    );
    expect(answers.map(({ Payload }) => jsonOf(Payload))).toEqual([1, 2, 3].map((n) => ({ mark, n })));
    expect(carriersOf(mark)).toBeGreaterThan(3);
    const running = call(clientOf(server), { n: 4, ms: 800 });
    await vi.waitFor(() => expect(carriersOf(mark)).toBeGreaterThan(3));
    const stopped = server.stop();
    // What was under way may have been taken or not; it is answered or refused, and never left hanging.
    await running.then(
      ({ Payload, FunctionError }) => expect(FunctionError ?? jsonOf(Payload)).toBeDefined(),
      (fault: unknown) => expect(fault).toBeInstanceOf(Error),
    );
    expect((await stopped).code).toBe(0);
    expect(carriersOf(mark)).toBe(0);
    expect(readdirSync(join(server.dataDir, 'functions'))).toEqual([]);
    const again = await startServer({ args, dataDir: server.dataDir });
    expect(jsonOf((await call(clientOf(again), { n: 5 })).Payload)).toEqual({ mark, n: 5 });
  });

  it('nothing is left after SIGKILL either, and the next start clears away its files', async () => {
    const server = await startServer({ args });
    const mark = newMark();
    await deploy(clientOf(server), mark);
    await Promise.all([1, 2].map((n) => call(clientOf(server), { n, ms: 200, child: true })));
    const hanging = call(clientOf(server), { n: 3, ms: 50_000 }).catch((fault: unknown) => fault);
    expect(carriersOf(mark)).toBeGreaterThan(2);
    await server.kill('SIGKILL');
    expect(await hanging).toBeInstanceOf(Error);
    await vi.waitFor(() => expect(carriersOf(mark)).toBe(0), { timeout: 15_000, interval: 100 });
    expect(readdirSync(join(server.dataDir, 'functions'))).toHaveLength(1);
    const again = await startServer({ args, dataDir: server.dataDir });
    expect(jsonOf((await call(clientOf(again), { n: 4 })).Payload)).toEqual({ mark, n: 4 });
    expect(readdirSync(join(server.dataDir, 'functions'))).toHaveLength(1);
    expect(readdirSync(join(server.dataDir, 'functions'))[0]).toContain(`run-${again.child.pid}-`);
  });
});

it('a server of an ordinary user has the same sandbox', async (context) => {
  // Where the tests are run by an ordinary user all of them show it.
  const ordinary = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] as const;
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  if (
    process.getuid?.() !== 0 ||
    spawnSync(ordinary[0], [...ordinary.slice(1), 'test', '-r', main, '-a', '-x', process.execPath])
      .status !== 0
  )
    context.skip();
  const dataDir = temporaryFolder();
  chmodSync(dataDir, 0o777);
  const server = await startServer({
    dataDir: join(dataDir, 'data'),
    program: [...ordinary, process.execPath, main],
  });
  const sdk = clientOf(server);
  const source = `import { readFileSync, readdirSync } from 'node:fs';
    export const handler = async () => ({ homes: readdirSync('/').includes('home'), privileges: /CapPrm:\\s*(\\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1] });`;
  await sdk.send(
    new CreateFunctionCommand({
      FunctionName: 'orders',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: ROLE,
      Code: { ZipFile: await zipOf({ 'index.mjs': source }) },
    }),
  );
  const answer = jsonOf((await call(sdk, {})).Payload);
  if (server.lines.find(({ msg }) => msg === 'sandbox of functions')?.['sandbox'] !== 'namespaces')
    context.skip();
  expect(answer).toEqual({ homes: false, privileges: '0000000000000000' });
  expect((await server.stop()).code).toBe(0);
});

it('with several workers a function has the network that its tag says, in each of them', async (context) => {
  const server = await startServer({ env: { GATEWRIGHT_WORKERS: '2' } });
  for (const network of ['host', 'none', 'egress']) {
    await clientOf(server).send(
      new CreateFunctionCommand({
        FunctionName: network,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: ROLE,
        Timeout: 20,
        Code: {
          ZipFile: await zipOf({ 'index.mjs': 'export const handler = async (event) => event;' }),
        },
        ...(network === 'host' ? {} : { Tags: { 'gatewright:network': network } }),
      }),
    );
    // A client each, so that the workers take turns.
    for (let n = 0; n < 6; n += 1) {
      const answer = await clientOf(server)
        .send(new InvokeCommand({ FunctionName: network, Payload: JSON.stringify({ n }) }))
        .catch((fault: unknown) => fault);
      if (server.lines.some(({ msg, sandbox }) => msg === 'sandbox of functions' && sandbox !== 'namespaces'))
        context.skip();
      expect(answer, network).not.toBeInstanceOf(Error);
      expect(jsonOf((answer as { readonly Payload?: Uint8Array }).Payload), network).toEqual({ n });
    }
  }
  expect((await server.stop()).code).toBe(0);
});

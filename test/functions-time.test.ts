// What happens after a while: asynchronous calls that are tried again, processes that nobody uses; and code that comes from
// S3. The times are arguments here, and short.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateFunctionCommand, UpdateFunctionCodeCommand } from '@aws-sdk/client-lambda';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openFunctions } from '../src/functions/functions.ts';
import type { FunctionSettings, OpenFunctions } from '../src/functions/functions.ts';
import { systemClock } from '../src/lib/clock.ts';
import { openSqliteStore } from '../src/stores/sqlite/open.ts';
import { createProcessKeeper } from '../src/upstream/stdio/keeper.ts';
import { createRecordingLog } from './support/app.ts';
import type { LogLine } from './support/app.ts';
import { ROLE, call, functionBench, refusal, zipOf } from './support/functions.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Functions without a server around them: one function, `orders`. */
async function functionsWith(
  source: string,
  settings: Partial<FunctionSettings> = {},
  more: { readonly reservedConcurrency?: number } = {},
): Promise<{ functions: OpenFunctions; lines: LogLine[] }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-functions-'));
  const { log, lines } = createRecordingLog();
  const store = await openSqliteStore(':memory:');
  const bytes = await zipOf({ 'index.mjs': source });
  const codeId = createHash('sha256').update(bytes).digest('hex');
  await store.transaction(async (tx) => {
    await tx.create('function-code', {
      id: codeId,
      name: codeId,
      document: { bytes: bytes.length, parts: 1, unzippedBytes: 1 },
    });
    await tx.create('function-code-part', {
      id: '0',
      parentId: codeId,
      name: '0',
      document: { base64: bytes.toString('base64') },
    });
    await tx.create('function', {
      id: 'id-of-orders',
      name: 'orders',
      document: {
        configuration: {
          Runtime: 'nodejs24.x',
          Handler: 'index.handler',
          Role: ROLE,
          Timeout: 10,
          MemorySize: 128,
          codeId,
          CodeSize: bytes.length,
          layers: [],
          settings: {},
          lastModified: 0,
          RevisionId: '1',
        },
        lastVersion: 0,
        policies: {},
        tags: {},
        ...more,
      },
    });
  });
  const functions = openFunctions({
    store,
    scope: { region: 'us-east-1', accountId: '000000000000' },
    clock: systemClock,
    log,
    keeper: createProcessKeeper(process.env['PATH'], log),
    egressProxy: { open: () => Promise.reject(new Error('not used here')) },
    openSecret: () => {
      throw new Error('nothing is sealed here');
    },
    settings: { dataDir, maxProcesses: 4, ...settings },
  });
  await functions.start();
  closing.push(
    () => rmSync(dataDir, { recursive: true, force: true }),
    () => store.close(),
    () => functions.close(),
  );
  return { functions, lines };
}

const said = (lines: readonly LogLine[], text: string): number =>
  lines.filter(({ msg, line }) => msg === 'function says' && String(line).endsWith(text)).length;
const event = (requestId: string) => ({ name: 'orders', payload: '{}', requestId });

describe('asynchronous calls', () => {
  it('are tried three times when they fail, with the same request id, and then given up', async () => {
    const { functions, lines } = await functionsWith(
      'export const handler = async (e, c) => { console.log("attempt"); throw new Error("never"); };',
      { retryMs: [20, 30] },
    );
    functions.enqueue(event('request-1'));
    await vi.waitFor(
      () =>
        expect(lines).toContainEqual(
          expect.objectContaining({ level: 'warn', requestId: 'request-1', attempts: 3 }),
        ),
      { timeout: 10_000 },
    );
    expect(said(lines, 'attempt')).toBe(3);
    expect(
      new Set(lines.filter(({ msg }) => msg === 'function says').map(({ requestId }) => requestId)),
    ).toEqual(new Set(['request-1']));
  });

  it('are over with the first success', async () => {
    const { functions, lines } = await functionsWith(
      'let calls = 0; export const handler = async () => { calls += 1; console.log("attempt"); if (calls < 2) throw new Error("not yet"); console.log("done"); };',
      { retryMs: [20, 30] },
    );
    functions.enqueue(event('request-1'));
    await vi.waitFor(() => expect(said(lines, 'done')).toBe(1), { timeout: 10_000 });
    expect(said(lines, 'attempt')).toBe(2);
    expect(lines.filter(({ msg }) => msg.includes('for good'))).toEqual([]);
  });

  it('wait for room instead of failing, and a stopping server says how many it leaves', async () => {
    const { functions, lines } = await functionsWith(
      'export const handler = () => new Promise((done) => { console.log("begun"); setTimeout(done, 60000); });',
      { maxProcesses: 1, retryMs: [20, 30] },
    );
    functions.enqueue(event('request-1'));
    await vi.waitFor(() => expect(said(lines, 'begun')).toBe(1), { timeout: 10_000 });
    functions.enqueue(event('request-2'));
    functions.enqueue(event('request-3'));
    await functions.close();
    expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', events: 3 }));
  });
});

describe('processes', () => {
  it('that nobody uses are ended, and the next call has a new one', async () => {
    const { functions, lines } = await functionsWith(
      'const id = crypto.randomUUID(); export const handler = async () => id;',
      { idleMs: 50 },
    );
    const first = await functions.call(event('1'));
    await vi.waitFor(
      () => expect(lines).toContainEqual(expect.objectContaining({ msg: 'function process is gone' })),
      { timeout: 10_000 },
    );
    const second = await functions.call(event('2'));
    expect(second.functionError).toBeUndefined();
    expect(Buffer.from(second.payload)).not.toEqual(Buffer.from(first.payload));
  });

  it('a caller that goes away is not kept waiting, and what it began goes on', async () => {
    const { functions, lines } = await functionsWith(
      'export const handler = (e) => new Promise((done) => { console.log("begun"); setTimeout(() => { console.log("ended"); done(); }, 300); });',
    );
    const abort = new AbortController();
    const running = functions.call({ ...event('1'), signal: abort.signal });
    await vi.waitFor(() => expect(said(lines, 'begun')).toBe(1), { timeout: 10_000 });
    abort.abort(new Error('gone away'));
    await expect(running).rejects.toThrow('gone away');
    await vi.waitFor(() => expect(said(lines, 'ended')).toBe(1), { timeout: 10_000 });
  });

  it('calls that were given up count for the reserved concurrency as long as they run', async () => {
    const held: ServerResponse[] = [];
    const gate = createServer((_request, response) => void held.push(response));
    await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      gate.closeAllConnections();
      return new Promise((resolve) => gate.close(resolve));
    });
    const { port } = gate.address() as AddressInfo;
    const { functions, lines } = await functionsWith(
      `export const handler = async (e) => {
        if (e.wait) await (await fetch('http://127.0.0.1:${port}')).text();
        if (e.fail) process.exit(1);
        return 'done';
      };`,
      {},
      { reservedConcurrency: 2 },
    );
    const refused = {
      code: 'Throttled',
      details: { reason: 'ReservedFunctionConcurrentInvocationLimitExceeded' },
    };
    const givenUp = ['1', '2'].map(async (requestId) => {
      const abort = new AbortController();
      const payload = JSON.stringify({ wait: true, fail: requestId === '2' });
      const running = functions.call({ ...event(requestId), payload, signal: abort.signal });
      await vi.waitFor(() => expect(held.length).toBe(2), { timeout: 10_000 });
      abort.abort(new Error('gone away'));
      await expect(running).rejects.toThrow('gone away');
    });
    await Promise.all(givenUp);
    await expect(functions.call(event('3'))).rejects.toMatchObject(refused);
    const late = AbortSignal.abort(new Error('gone before'));
    await expect(functions.call({ ...event('4'), signal: late })).rejects.toMatchObject(refused);
    for (const response of held) response.end();
    // One of them ends well, the other with its process: both have made room again.
    await vi.waitFor(
      async () => {
        const together = await Promise.all(['5', '6'].map((requestId) => functions.call(event(requestId))));
        expect(together.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['"done"', '"done"']);
      },
      { timeout: 10_000 },
    );
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('after the end nothing is started', async () => {
    const { functions } = await functionsWith('export const handler = async () => 1;');
    await functions.close();
    await expect(functions.call(event('1'))).rejects.toMatchObject({ code: 'Unavailable' });
  });
});

describe('code in S3', () => {
  it('is fetched byte by byte, and what cannot be fetched is said', async () => {
    const zip = await zipOf({ 'index.mjs': 'export const handler = async () => "from S3";' });
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/code/orders%20v1.zip') response.writeHead(200).end(zip);
      else response.writeHead(404).end('<Error/>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    const { sdk } = await functionBench({ s3Endpoint: new URL(`http://127.0.0.1:${port}`) });
    const base = {
      FunctionName: 'orders',
      Role: ROLE,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
    } as const;
    const made = await sdk.send(
      new CreateFunctionCommand({ ...base, Code: { S3Bucket: 'code', S3Key: 'orders v1.zip' } }),
    );
    expect(made.CodeSha256).toBe(createHash('sha256').update(zip).digest('base64'));
    expect((await call(sdk)).value).toBe('from S3');
    const missing = sdk.send(
      new UpdateFunctionCodeCommand({ FunctionName: 'orders', S3Bucket: 'code', S3Key: 'none.zip' }),
    );
    expect(await refusal(missing)).toMatchObject({
      name: 'InvalidParameterValueException',
      message: expect.stringContaining('s3://code/none.zip'),
    });
    const both = sdk.send(
      new UpdateFunctionCodeCommand({ FunctionName: 'orders', S3Bucket: 'code', S3Key: 'a', ZipFile: zip }),
    );
    expect(await refusal(both)).toMatchObject({ name: 'InvalidParameterValueException' });
    const old = sdk.send(
      new UpdateFunctionCodeCommand({
        FunctionName: 'orders',
        S3Bucket: 'code',
        S3Key: 'a',
        S3ObjectVersion: '1',
      }),
    );
    expect(await refusal(old)).toMatchObject({ name: 'InvalidParameterValueException' });
    expect(asked).toEqual(['/code/orders%20v1.zip', '/code/none.zip']);
  });
});

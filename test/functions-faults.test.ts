// Processes that hang, die, eat memory or leave others behind: each call is answered once, and nothing is left.

import { readFileSync, readdirSync } from 'node:fs';
import { DeleteFunctionCommand, InvokeCommand, UpdateFunctionCodeCommand } from '@aws-sdk/client-lambda';
import { describe, expect, it, vi } from 'vitest';
import { call, closing, deploy, functionBench, refusal, zipOf } from './support/functions.ts';
import type { FunctionBench } from './support/functions.ts';

const FunctionName = 'orders';
const pidOf = 'export const handler = async (e) => ({ n: e.n, pid: process.pid });';

/** Command lines of all processes of this machine. */
function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    });
}

/** Process groups of functions that were started. */
const groupsOf = ({ lines }: FunctionBench): readonly number[] =>
  lines.filter(({ msg }) => msg === 'function process started').map(({ group }) => Number(group));

const isAlive = (group: number): boolean => {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a call that goes wrong', () => {
  it('takes too long: it is ended, and the next call has another process', async () => {
    const { sdk } = await functionBench();
    await deploy(
      sdk,
      'const me = crypto.randomUUID(); export const handler = async (e) => { if (e.hang === "loop") for (;;); if (e.hang) await new Promise((r) => setTimeout(r, 60000)); return me; };',
      { Timeout: 1 },
    );
    const before = (await call(sdk)).value;
    for (const hang of ['wait', 'loop']) {
      const { error, value, log } = await call(sdk, { hang }, { LogType: 'Tail' });
      expect(error).toBe('Unhandled');
      expect(value).toMatchObject({
        errorType: 'Sandbox.Timedout',
        errorMessage: expect.stringMatching(
          /^RequestId: [0-9a-f-]{36} Error: Task timed out after 1\.00 seconds$/,
        ),
      });
      expect(log).toContain('Task timed out after 1.00 seconds');
    }
    const after = (await call(sdk)).value;
    expect(after).toEqual(expect.any(String));
    expect(after).not.toBe(before);
  });

  it.each<[string, string, RegExp]>([
    ['exits with 3', 'process.exit(3)', /Runtime exited with error: exit status 3$/],
    ['exits with 0', 'process.exit(0)', /Runtime exited without providing a reason$/],
    [
      'is killed',
      'process.kill(process.pid, "SIGKILL"); await new Promise(() => setInterval(() => {}, 9))',
      /Runtime exited with error: signal: killed$/,
    ],
    ['crashes', 'process.abort()', /Runtime exited with error: signal: aborted$/],
  ])('%s', async (_what, how, message) => {
    const { sdk } = await functionBench();
    await deploy(sdk, `export const handler = async (e) => { if (e.end) { ${how}; } return "well"; };`, {
      Timeout: 20,
    });
    expect((await call(sdk)).value).toBe('well');
    expect(await call(sdk, { end: true })).toMatchObject({
      error: 'Unhandled',
      value: { errorType: 'Runtime.ExitError', errorMessage: expect.stringMatching(message) },
    });
    expect((await call(sdk)).value).toBe('well');
  });

  it('exits before it is ready', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, 'process.exit(7); export const handler = 1;');
    expect(await call(sdk)).toMatchObject({
      error: 'Unhandled',
      value: { errorType: 'Runtime.ExitError', errorMessage: expect.stringContaining('exit status 7') },
    });
    await deploy(sdk, 'import sys\nsys.exit(5)', { FunctionName: 'python', Runtime: 'python3.12' });
    expect(await call(sdk, {}, { FunctionName: 'python' })).toMatchObject({
      value: { errorMessage: expect.stringContaining('exit status 5') },
    });
  });

  it('is never ready: that is a time-out of its own', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, 'await new Promise((r) => setTimeout(r, 60000)); export const handler = 1;', {
      Timeout: 1,
    });
    expect(await call(sdk)).toMatchObject({
      error: 'Unhandled',
      value: { errorType: 'Sandbox.Timedout', errorMessage: expect.stringContaining('10.00 seconds') },
    });
  });

  it.each<[string, 'nodejs22.x' | 'python3.12', string]>([
    [
      'Node.js, outside of its heap',
      'nodejs22.x',
      'const all = []; export const handler = async () => { for (;;) { all.push(Buffer.alloc(8e6, 1)); await new Promise((r) => setTimeout(r, 1)); } };',
    ],
    [
      'Node.js, in its heap',
      'nodejs22.x',
      'export const handler = async () => { const all = []; for (;;) all.push({ n: all.length, text: String(all.length) }); };',
    ],
    [
      'Python',
      'python3.12',
      'import time\ndef handler(e, c):\n  all = []\n  while True:\n    all.append(bytearray(8000000))\n    time.sleep(0.001)\n',
    ],
    [
      'a child of its own',
      'python3.12',
      'import subprocess, sys\ndef handler(e, c):\n  subprocess.run([sys.executable, "-c", "import time\\na=[]\\nwhile True:\\n  a.append(bytearray(8000000))\\n  time.sleep(0.001)"])\n',
    ],
  ])('eats memory: %s', async (_what, Runtime, source) => {
    const { sdk } = await functionBench();
    await deploy(sdk, source, { Runtime, Timeout: 60 });
    const { error, value } = await call(sdk);
    expect(error).toBe('Unhandled');
    expect((value as { errorType: string }).errorType).toMatch(/^Runtime\.(OutOfMemory|ExitError)$/);
  });

  it('garbage from a process that does not keep to the Runtime API', async () => {
    const { sdk } = await functionBench();
    const bootstrap = {
      text: `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
curl -sS "$api/invocation/next" > /dev/null
curl -sS -X POST "$api/invocation/00000000-0000-0000-0000-000000000000/response" -d 'not mine' -w '%{http_code}\\n'
curl -sS -X POST "$api/nothing" -d x -w '%{http_code}\\n'
printf 'GARBAGE\\r\\n\\r\\n' | curl -sS telnet://$AWS_LAMBDA_RUNTIME_API > /dev/null
curl -sS "$api/invocation/next" > /dev/null
`,
      mode: 0o100_755,
    };
    await deploy(sdk, { bootstrap }, { Runtime: 'provided.al2023', Timeout: 20 });
    const { error, value, log } = await call(sdk, {}, { LogType: 'Tail' });
    expect(error).toBe('Unhandled');
    expect(value).toMatchObject({ errorType: 'Runtime.NoResponse' });
    expect(log).toContain('400');
    expect(log).toContain('404');
  });
});

describe('processes', () => {
  it('killed under load: each call is answered once, rightly or with an error', async () => {
    const bench = await functionBench();
    const { sdk } = bench;
    await deploy(sdk, pidOf, { Timeout: 30 });
    const answers = new Map<number, string>();
    let next = 0;
    let isOver = false;
    let kills = 0;
    const worker = async (): Promise<void> => {
      while (next < 400) {
        const n = (next += 1);
        const { value, error } = await call(sdk, { n });
        expect(answers.has(n)).toBe(false);
        if (error === undefined) expect(value).toMatchObject({ n });
        else expect(value).toMatchObject({ errorType: 'Runtime.ExitError' });
        answers.set(n, error ?? 'well');
      }
    };
    const killer = async (): Promise<void> => {
      while (!isOver) {
        await new Promise((resolve) => setTimeout(resolve, 40));
        const alive = groupsOf(bench).filter(isAlive);
        const victim = alive[kills % Math.max(1, alive.length)];
        if (victim === undefined) continue;
        process.kill(-victim, 'SIGKILL');
        kills += 1;
      }
    };
    const killing = killer();
    await Promise.all(Array.from({ length: 6 }, worker));
    isOver = true;
    await killing;
    expect(answers.size).toBe(400);
    expect(kills).toBeGreaterThan(3);
    expect([...answers.values()]).toContain('well');
    // The last one killed may still have been given a call.
    await vi.waitFor(async () => expect((await call(sdk, { n: 0 })).value).toMatchObject({ n: 0 }));
  });

  it('what a handler leaves running is gone with it', async () => {
    const bench = await functionBench();
    const { sdk } = bench;
    const mark = `9${process.pid}${Math.floor(performance.now())}`;
    await deploy(
      sdk,
      `import { spawn } from 'node:child_process';
       export const handler = async (e) => {
         spawn('/bin/sh', ['-c', 'trap "" TERM HUP; sleep ${mark} & sleep ${mark}; wait'], { stdio: 'ignore' });
         if (e.end) process.exit(1);
         return 'started';
       };`,
    );
    const left = (): number =>
      commandLines().filter((line) => line.includes(mark) && line.startsWith('sleep')).length;
    expect((await call(sdk)).value).toBe('started');
    await vi.waitFor(() => expect(left()).toBe(2), { timeout: 10_000 });
    expect((await call(sdk, { end: true })).error).toBe('Unhandled');
    await vi.waitFor(() => expect(left()).toBe(0), { timeout: 10_000 });
    await call(sdk);
    await vi.waitFor(() => expect(left()).toBe(2), { timeout: 10_000 });
    await closing.splice(0, 1)[0]?.();
    expect(left()).toBe(0);
    expect(groupsOf(bench).filter(isAlive)).toEqual([]);
  });

  it('a function that is deleted or changed while it runs finishes first', async () => {
    const { sdk } = await functionBench();
    const slow = 'export const handler = (e) => new Promise((r) => setTimeout(r, e.ms, "old"));';
    await deploy(sdk, slow, { Timeout: 20 });
    await call(sdk, { ms: 0 });
    const changed = call(sdk, { ms: 500 });
    const deleted = call(sdk, { ms: 1000 });
    const cold = call(sdk, { ms: 0 });
    await cold;
    await sdk.send(
      new UpdateFunctionCodeCommand({
        FunctionName,
        ZipFile: await zipOf({ 'index.mjs': 'export const handler = async () => "new";' }),
      }),
    );
    expect((await call(sdk)).value).toBe('new');
    expect((await changed).value).toBe('old');
    await sdk.send(new DeleteFunctionCommand({ FunctionName }));
    expect(await refusal(call(sdk))).toMatchObject({ name: 'ResourceNotFoundException' });
    expect((await deleted).value).toBe('old');
  });

  it('no more than there may be: idle ones make room, busy ones do not', async () => {
    const bench = await functionBench({ functionProcesses: 2 });
    const { sdk } = bench;
    const slow =
      'export const handler = (e) => new Promise((r) => { if (e.ms) console.log("busy"); setTimeout(r, e.ms ?? 0, process.pid); });';
    for (const name of ['one', 'two', 'three']) await deploy(sdk, slow, { FunctionName: name, Timeout: 20 });
    for (const name of ['one', 'two', 'three', 'one']) await call(sdk, {}, { FunctionName: name });
    await vi.waitFor(() => expect(groupsOf(bench).filter(isAlive).length).toBeLessThanOrEqual(2), {
      timeout: 5_000,
    });
    const busy = ['one', 'two'].map((name) => call(sdk, { ms: 5_000 }, { FunctionName: name }));
    const areBusy = () => bench.lines.filter(({ line }) => String(line).endsWith('busy')).length;
    await vi.waitFor(() => expect(areBusy()).toBe(2), { timeout: 4_800 });
    expect(await refusal(call(sdk, {}, { FunctionName: 'three' }))).toMatchObject({
      name: 'TooManyRequestsException',
      status: 429,
    });
    for (const each of busy) expect((await each).error).toBeUndefined();
    expect((await call(sdk, {}, { FunctionName: 'three' })).error).toBeUndefined();
  });

  it('a stopping server answers what runs, and leaves no process', async () => {
    const bench = await functionBench();
    const { sdk, app } = bench;
    const source =
      'export const handler = (e) => new Promise((r) => { console.log("begun", e.ms); setTimeout(r, e.ms, "done"); });';
    await deploy(sdk, source, { Timeout: 20 });
    await call(sdk, { ms: 0 });
    const running = call(sdk, { ms: 700 });
    const hasBegun = () => bench.lines.some(({ line }) => String(line).endsWith('begun 700'));
    await vi.waitFor(() => expect(hasBegun()).toBe(true), { timeout: 5_000 });
    await app.close(10_000);
    expect((await running).value).toBe('done');
    expect(groupsOf(bench).length).toBe(1);
    expect(groupsOf(bench).filter(isAlive)).toEqual([]);
  });

  it('has nothing of the server’s environment, and cannot take the events of another', async () => {
    const { sdk } = await functionBench();
    process.env['GATEWRIGHT_TEST_SECRET'] = 'not handed on';
    try {
      await deploy(
        sdk,
        'export const handler = async () => ({ api: process.env.AWS_LAMBDA_RUNTIME_API, all: process.env });',
      );
      const { value } = await call(sdk);
      const { api, all } = value as { api: string; all: Record<string, string> };
      expect(Object.keys(all).filter((name) => /SECRET|ACCESS|GATEWRIGHT|VITEST/.test(name))).toEqual([]);
      const next = await fetch(`http://${api}/2018-06-01/runtime/invocation/next`);
      expect(next.status).toBe(403);
      const other = await fetch(`http://${api}/2018-06-01/runtime/init/error`, {
        method: 'POST',
        body: '{}',
      });
      expect(other.status).toBe(403);
      expect(
        (await sdk.send(new InvokeCommand({ FunctionName, Payload: '{}' }))).FunctionError,
      ).toBeUndefined();
    } finally {
      delete process.env['GATEWRIGHT_TEST_SECRET'];
    }
  });
});

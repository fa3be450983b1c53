// Real programs as stdio servers: what they say and are told, and that nothing of them is left however they end.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { LogFields } from '../../core/call.ts';
import type { StdioChannel } from '../../core/outbound.ts';
import type { StdioServerConfiguration } from './configuration.ts';
import { NO_STDIO_SERVERS, createStdioServers } from './servers.ts';
import type { OpenStdioServers } from './servers.ts';

const MIB = 1024 * 1024;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Line extends LogFields {
  readonly level: string;
  readonly msg: string;
}
const lines: Line[] = [];
const at = (level: string) => (fields: LogFields, msg: string) => void lines.push({ ...fields, level, msg });
const log = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };

function serversOf(
  ...configured: (Pick<StdioServerConfiguration, 'name' | 'command' | 'args'> &
    Partial<StdioServerConfiguration>)[]
): OpenStdioServers {
  lines.length = 0;
  const servers = createStdioServers(
    configured.map((server) => ({
      env: { PATH: process.env['PATH'] ?? '' },
      cwd: tmpdir(),
      maxProcesses: 16,
      maxMemoryBytes: 512 * MIB,
      ...server,
    })),
    log,
  );
  closing.push(() => servers.close());
  return servers;
}

/** One server `x` that runs this JavaScript. */
const scripted = (code: string, more: Partial<StdioServerConfiguration> = {}): OpenStdioServers =>
  serversOf({ name: 'x', command: process.execPath, args: ['-e', code], ...more });
const shell = (code: string, more: Partial<StdioServerConfiguration> = {}): OpenStdioServers =>
  serversOf({ name: 'x', command: 'sh', args: ['-c', code], ...more });

interface Heard {
  readonly lines: string[];
  /** The next line that has not been taken yet. */
  next(): Promise<string>;
  readonly exit: Promise<string>;
}

function hear(channel: StdioChannel): Heard {
  const heard: string[] = [];
  let taken = 0;
  channel.onLine((line) => heard.push(line));
  const exit = new Promise<string>((resolve) => channel.onExit(resolve));
  return {
    lines: heard,
    exit,
    async next() {
      await expect.poll(() => heard.length, { timeout: 20_000, interval: 5 }).toBeGreaterThan(taken);
      return heard[taken++] ?? '';
    },
  };
}

async function started(servers: OpenStdioServers): Promise<{ channel: StdioChannel; heard: Heard }> {
  const channel = await servers.start('x');
  return { channel, heard: hear(channel) };
}

/** A process that is there; one that is dead and only waited for counts as gone. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return process.platform !== 'linux';
  }
}
const pidsOf = (line: string): number[] => (JSON.parse(line) as { pids: number[] }).pids;
const startedPids = (): number[] =>
  lines.filter(({ msg }) => msg === 'stdio server started').map(({ pid }) => Number(pid));
const gone = (pids: readonly number[]) =>
  expect.poll(() => pids.filter(isAlive), { timeout: 20_000 }).toEqual([]);

describe('a stdio server', () => {
  it('is sent lines and sends lines, whatever is in them and however they are cut', async () => {
    const { channel, heard } = await started(shell('cat'));
    const big = JSON.stringify({ text: 'ä€🙂'.repeat(100_000) });
    for (const line of ['{"id":1}', big, '[{"id":2}]', '{"id":3}']) await channel.send(line);
    expect([await heard.next(), await heard.next(), await heard.next(), await heard.next()]).toEqual([
      '{"id":1}',
      big,
      '[{"id":2}]',
      '{"id":3}',
    ]);
    await channel.close();
    expect(await heard.exit).toBe('The stdio server x was closed.');
    await expect(channel.send('{}')).rejects.toMatchObject({ code: 'UpstreamRefused' });
    await gone(startedPids());
  });

  it('gets the environment and the folder of its configuration, and no shell', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatewright-stdio-'));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    const { heard } = await started(
      scripted(
        'console.log(JSON.stringify({ env: process.env, cwd: process.cwd(), args: process.argv.slice(1) }))',
        {
          env: { OWN: '1' },
          cwd: folder,
          args: [
            '-e',
            'console.log(JSON.stringify({ env: process.env, cwd: process.cwd(), args: process.argv.slice(1) }))',
            '$(touch owned)',
            '; touch owned',
          ],
        },
      ),
    );
    expect(JSON.parse(await heard.next())).toEqual({
      env: { OWN: '1' },
      cwd: folder,
      args: ['$(touch owned)', '; touch owned'],
    });
  });

  it('may write what is no message: it is left out, and its error output goes to the log', async () => {
    const { heard } = await started(
      shell(
        `echo starting; echo; echo '"text"'; echo 'careful' >&2; printf '%05000d\\n' 7 >&2; printf '{"id":1}\\r\\n'; cat`,
      ),
    );
    expect(await heard.next()).toBe('{"id":1}');
    expect(heard.lines).toEqual(['{"id":1}']);
    const said = () => lines.filter(({ msg }) => msg === 'stdio server says');
    await expect.poll(() => said().length).toBe(2);
    expect(said()[0]).toMatchObject({ level: 'info', server: 'x', line: 'careful' });
    expect(String(said()[1]?.['line'])).toHaveLength(2_000);
    expect(lines.filter(({ level }) => level === 'debug').map(({ line }) => line)).toEqual([
      'starting',
      '"text"',
    ]);
  });

  it('cannot fill the log', async () => {
    const { heard } = await started(
      shell(`i=0; while [ $i -lt 5000 ]; do echo noise >&2; i=$((i+1)); done; echo '{}'; cat`),
    );
    await heard.next();
    expect(lines.filter(({ msg }) => msg === 'stdio server says').length).toBeLessThan(1_000);
  });

  it('that writes an endless line is stopped, with that reason', async () => {
    const { heard } = await started(
      scripted(`process.stdout.write('{"a":"'); setInterval(() => process.stdout.write('x'.repeat(1e6)), 1)`),
    );
    expect(await heard.exit).toMatch(
      /^The stdio server x was stopped: it wrote a line of more than 6291456 bytes/,
    );
    expect(heard.lines).toEqual([]);
    await gone(startedPids());
  });

  it('that does not read is not given more and more', async () => {
    const { channel } = await started(scripted('setInterval(() => {}, 1000)'));
    const line = JSON.stringify('x'.repeat(5 * MIB));
    const sent = [1, 2, 3, 4, 5].map((number) =>
      channel.send(line).then(
        () => 'sent',
        (error: Error) => `${number}: ${error.message}`,
      ),
    );
    expect(await Promise.race(sent)).toMatch(/^4: .*does not read/);
    await channel.close();
    expect((await Promise.all(sent)).filter((end) => end === 'sent')).toEqual([]);
  });

  it('whose message is too long is not sent a part of it', async () => {
    const { channel } = await started(shell('cat'));
    await expect(channel.send(JSON.stringify('x'.repeat(7 * MIB)))).rejects.toMatchObject({
      code: 'TooLarge',
    });
  });

  it('that ignores the end of its input and SIGTERM is killed, with all that it started', async () => {
    const { channel, heard } = await started(
      scripted(`
        process.on('SIGTERM', () => {});
        const { spawn } = require('node:child_process');
        const child = spawn(process.execPath, ['-e', \`
          process.on('SIGTERM', () => {});
          const inner = require('node:child_process').spawn('sleep', ['1000'], { stdio: 'inherit' });
          process.send(inner.pid);
          setInterval(() => {}, 1000);
        \`], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
        child.once('message', (pid) => console.log(JSON.stringify({ pids: [process.pid, child.pid, pid] })));
        setInterval(() => {}, 1000);
      `),
    );
    const pids = pidsOf(await heard.next());
    expect(pids.filter(isAlive)).toEqual(pids);
    await Promise.all([channel.close(), channel.close()]);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(await heard.exit).toBe('The stdio server x was closed.');
  });

  it('that ends leaves nothing of what it started', async () => {
    const { heard } = await started(
      shell(
        `sleep 1000 & first=$!; sh -c 'trap "" TERM; sleep 1000' & echo "{\\"pids\\":[$first,$!]}"; exit 3`,
      ),
    );
    const pids = pidsOf(await heard.next());
    expect(await heard.exit).toBe('The stdio server x ended with exit code 3.');
    await gone(pids);
  });

  it('that uses too much memory is stopped, with that reason', async () => {
    const { heard } = await started(
      shell(
        // A grandchild holds the memory: it is the whole group that counts.
        `"$NODE" -e 'const held = []; setInterval(() => held.push(Buffer.alloc(20e6, 1)), 50)' & echo "{\\"pids\\":[$!]}"; wait`,
        { env: { PATH: process.env['PATH'] ?? '', NODE: process.execPath }, maxMemoryBytes: 200 * MIB },
      ),
    );
    const pids = pidsOf(await heard.next());
    expect(await heard.exit).toMatch(
      /^The stdio server x was stopped: it used \d+ MiB of memory, 200 are allowed\.$/,
    );
    await gone(pids);
  });

  it('that is not there, not executable or in no folder says so', async () => {
    const reasons = await Promise.all(
      [
        { command: 'gatewright-no-such-program' },
        { command: import.meta.filename },
        { command: 'cat', cwd: '/no/such/folder' },
        { command: 'cat', args: ['x'.repeat(4 * MIB)] },
      ].map((change) =>
        serversOf({ name: 'x', args: [], ...change })
          .start('x')
          .then(
            () => 'started',
            (error: Error & { code: string }) => `${error.code}: ${error.message}`,
          ),
      ),
    );
    expect(reasons).toEqual([
      expect.stringMatching(/^UpstreamRefused: .* no program gatewright-no-such-program.*PATH/),
      expect.stringMatching(/^UpstreamRefused: .* may not be executed/),
      expect.stringMatching(/^UpstreamRefused: .* folder \/no\/such\/folder/),
      expect.stringMatching(/^UpstreamRefused: .* does not start/),
    ]);
    await expect(serversOf().start('y')).rejects.toThrow('no stdio server named y');
    await expect(NO_STDIO_SERVERS.start('y')).rejects.toThrow('no stdio server named y');
  });
});

describe('stdio servers', () => {
  it('run no more processes than allowed, and take new ones when others are gone', async () => {
    const servers = shell('cat', { maxProcesses: 7 });
    const starts = await Promise.allSettled(Array.from({ length: 100 }, () => servers.start('x')));
    const channels = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    expect(channels).toHaveLength(7);
    for (const start of starts)
      if (start.status === 'rejected') expect(start.reason).toMatchObject({ code: 'Throttled' });
    await channels[0]?.close();
    expect(await servers.start('x').then(() => 'started')).toBe('started');
    const pids = startedPids();
    expect(pids).toHaveLength(8);
    await servers.close();
    expect(pids.filter(isAlive)).toEqual([]);
    await expect(servers.start('x')).rejects.toMatchObject({ code: 'UpstreamRefused' });
  });

  it('that cannot start do not count', async () => {
    const servers = serversOf({
      name: 'x',
      command: 'gatewright-no-such-program',
      args: [],
      maxProcesses: 1,
    });
    for (let times = 0; times < 3; times++)
      await expect(servers.start('x')).rejects.toMatchObject({ code: 'UpstreamRefused' });
  });

  it('end when the gateway is killed, even those that ignore the end of their input', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatewright-stdio-'));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    const program = join(folder, 'gateway.mjs');
    const stubborn = `trap "" TERM; sleep 1000 & echo "{\\"pids\\":[$$,$!]}"; while :; do sleep 1000; done`;
    writeFileSync(
      program,
      `import { createStdioServers } from ${JSON.stringify(join(import.meta.dirname, 'servers.ts'))};
      const silent = () => {};
      const servers = createStdioServers(
        [{ name: 'x', command: 'sh', args: ['-c', ${JSON.stringify(stubborn)}], env: { PATH: process.env.PATH }, cwd: '/', maxProcesses: 9, maxMemoryBytes: 1e9 }],
        { error: silent, warn: silent, info: silent, debug: silent },
      );
      const channel = await servers.start('x');
      channel.onLine((line) => console.log(line));`,
    );
    const gateway = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    closing.push(() => gateway.kill('SIGKILL'));
    const line = await new Promise<string>((resolve) =>
      gateway.stdout.setEncoding('utf8').once('data', resolve),
    );
    const pids = pidsOf(line);
    expect(pids.filter(isAlive)).toEqual(pids);
    gateway.kill('SIGKILL');
    await gone(pids);
  });
});

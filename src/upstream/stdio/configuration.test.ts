// The file of stdio servers: what a program is started with, and everything that can be wrong with the file at once.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readStdioServers } from './configuration.ts';

const folder = mkdtempSync(join(tmpdir(), 'gatewright-stdio-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ENVIRONMENT = {
  PATH: '/bin',
  HOME: '/home/me',
  LANG: 'C.UTF-8',
  TOKEN: 'from outside',
  AWS_SECRET_ACCESS_KEY: 'not handed on',
  GATEWRIGHT_SECRET_ACCESS_KEY: 'not handed on',
  NODE_OPTIONS: '--not-handed-on',
};

function fileOf(content: unknown): string {
  const path = join(folder, 'servers.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function faultsOf(content: unknown): readonly string[] {
  try {
    readStdioServers(fileOf(content), ENVIRONMENT);
  } catch (thrown) {
    if (thrown instanceof AggregateError) return thrown.errors.map((error) => (error as Error).message);
    return [(thrown as Error).message];
  }
  return [];
}

describe('readStdioServers', () => {
  it('gives each program its own environment, and of the gateway’s what programs cannot do without', () => {
    mkdirSync(join(folder, 'data'), { recursive: true });
    const servers = readStdioServers(
      fileOf({
        mcpServers: {
          files: {
            type: 'stdio',
            command: 'npx',
            args: ['-y', 'files'],
            env: { KEY: 'Bearer ${TOKEN}', PATH: '/opt/bin' },
            cwd: 'data',
            maxProcesses: 2,
            maxMemoryMb: 64,
          },
          time: { command: 'time-server' },
        },
      }),
      ENVIRONMENT,
    );
    expect(servers).toEqual([
      {
        name: 'files',
        command: 'npx',
        args: ['-y', 'files'],
        env: { PATH: '/opt/bin', HOME: '/home/me', LANG: 'C.UTF-8', KEY: 'Bearer from outside' },
        cwd: join(folder, 'data'),
        maxProcesses: 2,
        maxMemoryBytes: 64 * 1024 * 1024,
      },
      {
        name: 'time',
        command: 'time-server',
        args: [],
        env: { PATH: '/bin', HOME: '/home/me', LANG: 'C.UTF-8' },
        cwd: folder,
        maxProcesses: 16,
        maxMemoryBytes: 512 * 1024 * 1024,
      },
    ]);
  });

  it('names every fault of the file', () => {
    expect(
      faultsOf({
        mcpServers: {
          'a b': { command: '' },
          c: { command: 'x', args: 'y', env: { A: 1, B: '${NOT_THERE}', 'C=': '' }, cwd: 'nowhere' },
          d: { command: 'x', maxProcesses: 0, maxMemoryMb: 1.5, shell: true },
          e: { url: 'https://example.com/mcp' },
          f: 'npx',
        },
      }),
    ).toEqual([
      expect.stringMatching(/^a b is no name/),
      expect.stringMatching(/^a b\.command /),
      expect.stringMatching(/^c\.args /),
      expect.stringMatching(/^c\.env\.A /),
      expect.stringMatching(/^c\.env\.B .*NOT_THERE/),
      expect.stringMatching(/^c\.env\.C= /),
      expect.stringMatching(/^c\.cwd /),
      expect.stringMatching(/^d\.shell is not known/),
      expect.stringMatching(/^d\.maxProcesses /),
      expect.stringMatching(/^d\.maxMemoryMb /),
      expect.stringMatching(/^e is not a program/),
      expect.stringMatching(/^e\.command /),
      expect.stringMatching(/^f must be an object/),
    ]);
  });

  it('says what is wrong with the file as a whole', () => {
    expect(faultsOf('{')).toEqual([expect.stringContaining('not JSON')]);
    expect(faultsOf([])).toEqual([expect.stringContaining('mcpServers')]);
    expect(faultsOf({ servers: {} })).toEqual([expect.stringContaining('mcpServers')]);
    expect(() => readStdioServers(join(folder, 'not-there.json'), {})).toThrow(/cannot be read.*not-there/);
  });
});

// A process of its own that asks for /healthz all the time, on one kept connection, and says at the end how long each answer
// took: what a load balancer sees of a server whose event loop is busy. Started by openProbe, with the URL as its argument.

import { spawn } from 'node:child_process';
import { Agent, get } from 'node:http';
import { closing } from '../support/process.ts';
import { pause, quantile } from './row.ts';

const EVERY_MS = 5;

export interface Health {
  readonly asked: number;
  /** Answers that were not 200. */
  readonly failed: number;
  /** Milliseconds. */
  readonly median: number;
  readonly p99: number;
  readonly longest: number;
}

/** Begins to ask; `end` says what came of it. */
export async function openProbe(url: string): Promise<{ end(): Promise<Health> }> {
  const child = spawn(process.execPath, [import.meta.filename, `${url}/healthz`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  closing.push(() => child.kill('SIGKILL'));
  let said = '';
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      resolve();
    });
    void ended.then(resolve);
  });
  return {
    async end() {
      child.stdin.end();
      await ended;
      return JSON.parse(said.split('\n')[1] ?? '') as Health;
    },
  };
}

async function probe(url: string): Promise<void> {
  let isOver = false;
  process.stdin.resume().once('end', () => (isOver = true));
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  let failed = 0;
  const ask = (): Promise<void> =>
    new Promise((resolve) => {
      const from = performance.now();
      const end = (isGood: boolean): void => {
        times.push(performance.now() - from);
        if (!isGood) failed += 1;
        resolve();
      };
      get(url, { agent }, (answer) => {
        answer.resume();
        answer.once('end', () => end(answer.statusCode === 200));
        answer.once('error', () => end(false));
      }).once('error', () => end(false));
    });
  // The first answers are those of a program that is still being compiled.
  for (let turn = 0; turn < 20; turn += 1) await ask();
  [times.length, failed] = [0, 0];
  process.stdout.write('asking\n');
  while (!isOver) {
    await ask();
    await pause(EVERY_MS);
  }
  agent.destroy();
  const health: Health = {
    asked: times.length,
    failed,
    median: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    longest: Math.max(...times),
  };
  process.stdout.write(`${JSON.stringify(health)}\n`);
}

if (import.meta.main) await probe(process.argv[2] ?? '');

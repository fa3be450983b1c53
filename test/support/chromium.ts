// A real browser without a window, where this machine has one: what no imitation knows of forms, cookies and policies.
// Spoken to by its own debugging protocol.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Where Chromium is; undefined where there is none. */
export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
);

export interface ChromiumPage {
  go(url: string): Promise<void>;
  /** The value of an expression in the page, as JSON. */
  evaluate<Value>(expression: string): Promise<Value>;
  /** Resolves when the expression is true in whatever page is there by then. */
  until(expression: string): Promise<void>;
  close(): Promise<void>;
}

interface Reply {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: unknown } };
  readonly error?: { readonly message: string };
}

/** Opens a browser with one empty page and a profile of its own. */
export async function openChromium(): Promise<ChromiumPage> {
  const profile = mkdtempSync(join(tmpdir(), 'gatewright-chromium-'));
  const browser = spawn(
    CHROMIUM ?? '',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => browser.once('close', () => resolve()));
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: browser.stderr }).on('line', (line) => {
      const found = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error('Chromium ended before it began')));
  });
  const pages = (await (await fetch(`http://${new URL(address).host}/json/list`)).json()) as readonly {
    readonly type: string;
    readonly webSocketDebuggerUrl: string;
  }[];
  const socket = new WebSocket(pages.find(({ type }) => type === 'page')?.webSocketDebuggerUrl ?? '');
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  const waiting = new Map<number, (reply: Reply) => void>();
  socket.addEventListener('message', ({ data }) => {
    const reply = JSON.parse(String(data)) as Reply;
    waiting.get(reply.id ?? 0)?.(reply);
  });
  let sent = 0;
  const send = (method: string, params: object): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const id = (sent += 1);
      waiting.set(id, (reply) => {
        waiting.delete(id);
        if (reply.error) reject(new Error(reply.error.message));
        else resolve(reply);
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  const evaluate = async <Value>(expression: string): Promise<Value> => {
    const reply = await send('Runtime.evaluate', { expression, returnByValue: true, userGesture: true });
    return reply.result?.result?.value as Value;
  };
  return {
    async go(url) {
      await send('Page.navigate', { url });
    },
    evaluate,
    async until(expression) {
      // A page that is just going away answers with an error.
      while (!(await evaluate<boolean>(expression).catch(() => false)))
        await new Promise((resolve) => setTimeout(resolve, 50));
    },
    async close() {
      socket.close();
      browser.kill('SIGKILL');
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

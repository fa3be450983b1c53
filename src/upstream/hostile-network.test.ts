// What a hostile network can do to calls that leave: names that change their address between two questions, certificates
// that prove nothing, old protocols, proxies in the environment, ports that may or may not be open.

import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { toGatewayError } from '../core/errors.ts';
import { createEgressClient } from './client.ts';
import { createEgressGuard, parseAllowRule } from './guard.ts';

interface Answer {
  readonly address: string;
  readonly family: number;
}
/** What the resolver answers, question by question; the last one goes on for ever. */
let answers: readonly (readonly Answer[])[] = [];
let asked = 0;
const find = (): Promise<readonly Answer[]> => {
  const found = answers[Math.min(asked, answers.length - 1)] ?? [];
  asked += 1;
  return Promise.resolve(found);
};

const PUBLIC = { address: '93.184.215.14', family: 4 };
const PRIVATE = { address: '127.0.0.1', family: 4 };
const LIMITS = { timeoutMs: 5_000, maxResponseBytes: 1_000 };
const FIXTURES = join(import.meta.dirname, '../../test/fixtures/tls');

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
  asked = 0;
});

function clientWith(...rules: readonly string[]) {
  const client = createEgressClient({ guard: createEgressGuard(rules.map(parseAllowRule), find) });
  open.push(() => client.close());
  return client;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

/** Counts who connects. */
async function canary(): Promise<{ readonly port: number; readonly connects: () => number }> {
  let connects = 0;
  const port = await listen(
    createTcpServer((socket) => {
      connects += 1;
      socket.destroy();
    }),
  );
  return { port, connects: () => connects };
}

describe('names that change their address', () => {
  it.each([
    ['a private one at once', [[PRIVATE]]],
    ['a public and a private one together', [[PUBLIC, PRIVATE]]],
    ['a private one among IPv6 addresses', [[{ address: '::ffff:127.0.0.1', family: 6 }]]],
    ['a private one the second time', [[PRIVATE], [PUBLIC]]],
  ] as const)('lead nowhere with %s', async (_name, given) => {
    const { port, connects } = await canary();
    answers = given;
    const client = clientWith();
    for (let call = 0; call < 2; call += 1) {
      const url = new URL(`https://rebind.example:${port}/`);
      await client
        .request({ method: 'GET', url, headers: {} }, { ...LIMITS, timeoutMs: 300 })
        .catch(() => undefined);
    }
    expect(connects()).toBe(0);
  });

  it('are asked for once a connection: what is checked is what is connected to', async () => {
    const { port, connects } = await canary();
    // Were the name resolved again after the check, the second answer would lead to the canary.
    answers = [[PUBLIC], [PRIVATE]];
    const url = new URL(`https://rebind.example:${port}/`);
    await clientWith()
      .request({ method: 'GET', url, headers: {} }, { ...LIMITS, timeoutMs: 300 })
      .catch(() => undefined);
    expect([asked, connects()]).toEqual([1, 0]);
  });
});

describe('certificates', () => {
  const serve = (name: string, options: object = {}): Promise<number> =>
    listen(
      createServer(
        {
          key: readFileSync(join(FIXTURES, `${name}.key`)),
          cert: readFileSync(join(FIXTURES, `${name}.pem`)),
          ...options,
        },
        (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'),
      ).on('tlsClientError', () => undefined),
    );

  it.each([
    ['of an authority that nobody trusts', 'good', {}],
    ['for another name', 'elsewhere', {}],
    ['that has expired', 'expired', {}],
    ['signed by itself', 'selfsigned', {}],
    ['over TLS 1.1', 'good', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
  ])('%s are refused, whatever the environment says', async (_what, name, options) => {
    answers = [[PRIVATE]];
    const port = await serve(name, options);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '1');
    const url = new URL(`https://localhost:${port}/`);
    const outcome = await clientWith(`localhost:${port}`)
      .request({ method: 'GET', url, headers: {} }, LIMITS)
      .then(
        () => 'answered',
        (thrown: unknown) => toGatewayError(thrown).code,
      );
    expect(outcome).toMatch(/^Upstream(Refused|Invalid)$/);
    vi.unstubAllEnvs();
  });
});

describe('the way out', () => {
  it('does not lead through proxies of the environment', async () => {
    const { port, connects } = await canary();
    const proxy = `http://127.0.0.1:${port}`;
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'])
      vi.stubEnv(name, proxy);
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    answers = [[PRIVATE]];
    const server = createHttpServer((_request, response) => response.end('direct'));
    const target = await listen(server);
    const { body } = await clientWith('127.0.0.1').request(
      { method: 'GET', url: new URL(`http://127.0.0.1:${target}/`), headers: {} },
      LIMITS,
    );
    vi.unstubAllEnvs();
    expect([body.toString(), connects()]).toEqual(['direct', 0]);
    server.closeAllConnections();
  });

  it('gives nothing away of addresses that are not allowed: open, closed and absent look the same', async () => {
    const { port } = await canary();
    const client = clientWith();
    const messages = await Promise.all(
      [`https://127.0.0.1:${port}/`, 'https://127.0.0.1:1/', 'https://10.255.255.1:444/'].map((href) =>
        client.request({ method: 'GET', url: new URL(href), headers: {} }, LIMITS).then(
          () => 'answered',
          (thrown: unknown) => {
            const { code, message } = toGatewayError(thrown);
            return `${code} ${message.replaceAll(new URL(href).host, 'HOST')}`;
          },
        ),
      ),
    );
    expect(new Set(messages).size).toBe(1);
    expect(messages[0]).toMatch(/^UpstreamBlocked/);
  });

  it('is the only one: what is refused opens no connection at all', async () => {
    const connects: unknown[] = [];
    const note = (message: unknown): void => void connects.push(message);
    subscribe('net.client.socket', note);
    await clientWith()
      .request({ method: 'GET', url: new URL('https://169.254.169.254/'), headers: {} }, LIMITS)
      .catch(() => undefined);
    unsubscribe('net.client.socket', note);
    expect(connects).toEqual([]);
  });
});

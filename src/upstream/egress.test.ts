import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEgressClient } from './client.ts';
import { createEgressGuard, parseAllowRule } from './guard.ts';

const closed = createEgressGuard([]);
const blockedForms = [
  'https://127.0.0.1/',
  'https://127.1/',
  'https://0x7f.1/',
  'https://2130706433/',
  'https://0177.0.0.1/',
  'https://%31%32%37.0.0.1/',
  'https://127。0。0。1/',
  'https://①②⑦.⓪.⓪.①/',
  'https://0.0.0.0/',
  'https://[::]/',
  'https://[::1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::127.0.0.1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[2002:7f00:1::]/',
  'https://[fd00:ec2::254]/',
  'https://[fe80::1]/',
  'https://10.0.0.8/',
  'https://172.16.0.1/',
  'https://192.168.1.1/',
  'https://169.254.169.254/',
  'https://169.254.170.2/',
  'https://168.63.129.16/',
  'https://100.64.0.1/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
];

describe('egress guard', () => {
  it.each(blockedForms)('refuses the literal %s', (url) => {
    expect(() => closed.checkUrl(new URL(url))).toThrow(/not allowed/);
  });

  it('refuses other schemes, credentials in the URL and plain http', () => {
    for (const url of [
      'ftp://example.com/',
      'file:///etc/passwd',
      'data:,x',
      'https://u:p@example.com/',
      'https://good@example.com/',
      'http://93.184.215.14/',
      'http://example.com/',
    ])
      expect(() => closed.checkUrl(new URL(url)), url).toThrow(/not allowed/);
  });

  it('lets public addresses through over https', () => {
    for (const url of [
      'https://93.184.215.14/',
      'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/',
      'https://example.com/',
    ])
      expect(() => closed.checkUrl(new URL(url))).not.toThrow();
  });

  it('follows the allow-list: host, host:port, range, range:port', () => {
    const allow = (...entries: string[]) => createEgressGuard(entries.map(parseAllowRule));
    expect(() => allow('localhost:8080').checkUrl(new URL('http://localhost:8080/'))).not.toThrow();
    expect(() => allow('localhost:8080').checkUrl(new URL('http://localhost:8081/'))).toThrow();
    expect(() => allow('10.0.0.0/8').checkUrl(new URL('http://10.9.8.7:99/'))).not.toThrow();
    expect(() => allow('10.0.0.0/8:443').checkUrl(new URL('https://10.9.8.7/'))).not.toThrow();
    expect(() => allow('10.0.0.0/8:443').checkUrl(new URL('http://10.9.8.7/'))).toThrow();
    expect(() => allow('[::1]:80').checkUrl(new URL('http://[::1]/'))).not.toThrow();
    expect(() => allow('fd00::/8').checkUrl(new URL('http://[fd00::9]/'))).not.toThrow();
  });

  it('says what is wrong with an entry', () => {
    for (const entry of ['', ' ', '10.0.0.0/99', 'host:0', 'host:99999', 'a b', 'http://x', '*'])
      expect(() => parseAllowRule(entry), entry).toThrow(RangeError);
  });

  it('never throws anything but its own error on any URL', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true }), (text) => {
        try {
          closed.checkUrl(new URL(text));
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'UpstreamBlocked' });
        }
      }),
    );
  });
});

describe('egress client', () => {
  let hits = 0;
  const server = createServer((request, response) => {
    hits += 1;
    const path = request.url ?? '';
    if (path === '/slow') return;
    if (path === '/drip') {
      response.write('x');
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    } else if (path === '/big') response.end('x'.repeat(5000));
    else if (path === '/bomb')
      response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(5_000_000)));
    else if (path === '/gzip') response.setHeader('content-encoding', 'gzip').end(gzipSync('hello'));
    else if (path === '/away') response.writeHead(302, { location: 'https://127.0.0.2/' }).end();
    else if (path === '/here') response.writeHead(302, { location: '/echo' }).end();
    else response.end(JSON.stringify(request.headers));
  });
  let base: string;
  let client: ReturnType<typeof createEgressClient>;
  const options = { timeoutMs: 2000, maxResponseBytes: 1000 };
  const get = (path: string, more = {}) =>
    client.request(
      { method: 'GET', url: new URL(path, base), headers: { authorization: 'Bearer t' } },
      { ...options, ...more },
    );

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    base = `http://127.0.0.1:${port}`;
    client = createEgressClient({ guard: createEgressGuard([parseAllowRule(`127.0.0.1:${port}`)]) });
  });
  afterAll(async () => {
    await client.close().catch(() => undefined);
    server.closeAllConnections();
    server.close();
  });

  it('reads an answer, and decodes it when the server compresses unasked', async () => {
    expect((await get('/gzip')).body.toString()).toBe('hello');
  });

  it('gives up at the deadline, also when bytes keep dripping', async () => {
    await expect(get('/slow', { timeoutMs: 80 })).rejects.toMatchObject({ code: 'UpstreamTimeout' });
    await expect(get('/drip', { timeoutMs: 120 })).rejects.toMatchObject({ code: 'UpstreamTimeout' });
  });

  it('stops when the caller goes away', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 30);
    await expect(get('/slow', { signal: abort.signal })).rejects.toMatchObject({ code: 'UpstreamTimeout' });
  });

  it('bounds the body, before and after decompression', async () => {
    await expect(get('/big')).rejects.toMatchObject({
      code: 'UpstreamInvalid',
      message: /more than 1000 bytes/,
    });
    await expect(get('/bomb', { maxResponseBytes: 100_000 })).rejects.toMatchObject({
      message: /more than 100000 bytes/,
    });
  });

  it('follows no redirect unless told to, and checks each hop', async () => {
    expect((await get('/here')).status).toBe(302);
    expect(JSON.parse((await get('/here', { maxRedirects: 1 })).body.toString())).toMatchObject({
      authorization: 'Bearer t',
    });
    await expect(get('/away', { maxRedirects: 3 })).rejects.toMatchObject({ code: 'UpstreamBlocked' });
  });

  it('does not connect to a name that resolves to a private address', async () => {
    const guarded = createEgressClient({ guard: closed });
    const before = hits;
    const url = new URL(base.replace('http:', 'https:').replace('127.0.0.1', 'localhost'));
    await expect(guarded.request({ method: 'GET', url, headers: {} }, options)).rejects.toMatchObject({
      code: 'UpstreamBlocked',
    });
    expect(hits).toBe(before);
    await guarded.close();
  });

  it('names a refused connection and an answer that is not HTTP', async () => {
    const garbage = createTcpServer((socket) => socket.end('hello, I am not http\r\n\r\n'));
    await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
    const { port } = garbage.address() as AddressInfo;
    const open = createEgressClient({ guard: createEgressGuard([parseAllowRule('127.0.0.0/8')]) });
    const at = (p: number) =>
      open.request({ method: 'POST', url: new URL(`http://127.0.0.1:${p}/`), headers: {} }, options);
    await expect(at(port)).rejects.toMatchObject({ code: 'UpstreamInvalid' });
    garbage.close();
    await expect(at(1)).rejects.toMatchObject({ code: 'UpstreamRefused' });
    await open.close();
  });
});

describe('repeated requests', () => {
  it('are one in ten in the long run, however many fail', async () => {
    let received = 0;
    // Every connection is closed after its request, without an answer.
    const server = createTcpServer((socket) => socket.on('data', () => socket.destroy()));
    server.on('connection', () => (received += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const client = createEgressClient({ guard: createEgressGuard([parseAllowRule('127.0.0.1')]) });
    const url = new URL(`http://127.0.0.1:${port}/`);
    for (let sent = 0; sent < 200; sent += 1)
      await client
        .request({ method: 'GET', url, headers: {} }, { timeoutMs: 5_000, maxResponseBytes: 1_000 })
        .catch(() => undefined);
    expect(received).toBeLessThanOrEqual(200 + 10 + 20);
    expect(received).toBeGreaterThan(205);
    await client.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

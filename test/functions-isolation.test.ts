// What functions can and cannot reach, in the sandbox that this system allows and without it; and who may make, call and
// see them.

import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { connect, createServer as createSocketServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  AddPermissionCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  ListFunctionsCommand,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, it, vi } from 'vitest';
import { createEgressProxy } from '../src/upstream/egress-proxy.ts';
import { createEgressGuard, parseAllowRule } from '../src/upstream/guard.ts';
import { call, closing, deploy, functionBench, jsonOf, refusal, zipOf } from './support/functions.ts';
import type { FunctionBench } from './support/functions.ts';

const FunctionName = 'orders';
const LOOK = `
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
const attempt = (work) => { try { return work(); } catch (error) { return error.code; } };
export const handler = async ({ dataDir, secret, victim }) => ({
  key: attempt(() => readFileSync(dataDir + '/master.key', 'utf8').length),
  secret: attempt(() => readFileSync(secret, 'utf8')),
  write: attempt(() => writeFileSync(process.env.LAMBDA_TASK_ROOT + '/new', '')),
  change: attempt(() => writeFileSync(process.env.LAMBDA_TASK_ROOT + '/index.mjs', '')),
  system: attempt(() => writeFileSync('/usr/gatewright-was-here', '')),
  temporary: attempt(() => writeFileSync(process.env.TMPDIR + '/new', '')) ?? 'written',
  processes: readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).length,
  kill: attempt(() => process.kill(victim, 0)),
  privileges: /CapEff:\\s*(\\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1],
  root: process.env.LAMBDA_TASK_ROOT,
  shadow: attempt(() => existsSync('/etc/shadow')),
});
`;

const kindOf = ({ lines }: FunctionBench): unknown =>
  lines.find(({ msg }) => msg === 'sandbox of functions')?.['sandbox'];

/** A server of this machine; gives its port. */
async function listening(answer: RequestListener, host = '127.0.0.1'): Promise<number> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A proxy by these rules: gives what sends it bytes, more of them once there is a tunnel, and reads all that comes back. */
async function proxyFor(rules: readonly string[]): Promise<(head: string, more?: string) => Promise<string>> {
  const folder = mkdtempSync(join(tmpdir(), 'gatewright-proxy-'));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'proxy.sock');
  const proxy = createEgressProxy(createEgressGuard(rules.map((rule) => parseAllowRule(rule))));
  closing.push(await proxy.open(path));
  return (head, more = '') =>
    new Promise((resolve, reject) => {
      const socket = connect(path, () => socket.write(head));
      let answer = '';
      let rest = more;
      socket.setTimeout(5_000, () => socket.destroy());
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1');
        if (rest !== '' && answer.includes('established')) {
          socket.write(rest);
          rest = '';
        }
      });
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
    });
}

describe('the sandbox', () => {
  it('with namespaces: AWS’s places, no files of others, no processes of others, no privileges', async (context) => {
    const bench = await functionBench();
    const { sdk } = bench;
    const dataDir = dirname(bench.app.credentialsFile ?? '');
    await deploy(sdk, LOOK);
    const secret = join(dataDir, 'of-somebody-else');
    writeFileSync(secret, 'secret');
    const { value } = await call(sdk, { dataDir, secret, victim: process.pid });
    // Where the system has none to give there is nothing to see; the other test shows what is left then.
    if (kindOf(bench) !== 'namespaces') context.skip();
    expect(value).toMatchObject({
      key: 'ENOENT',
      secret: 'ENOENT',
      write: 'EROFS',
      change: 'EROFS',
      system: 'EROFS',
      temporary: 'written',
      kill: 'ESRCH',
      privileges: '0000000000000000',
      root: '/var/task',
      shadow: false,
    });
    expect((value as { processes: number }).processes).toBeLessThanOrEqual(4);
    expect(existsSync('/usr/gatewright-was-here')).toBe(false);
  });

  it('with namespaces: no tool that makes them is taken from the function’s own PATH', async (context) => {
    const bench = await functionBench();
    const { sdk } = bench;
    const tools = ['prlimit', 'setpriv', 'sh', 'cat', 'mount', 'umount', 'rmdir', 'cp', 'mkdir', 'ip'];
    const files = Object.fromEntries([
      ...tools.map((name) => [
        `bin/${name}`,
        { text: `#!/bin/sh\n: > /tmp/${name}-was-run\nexec /usr/bin/${name} "$@"\n`, mode: 0o100_755 },
      ]),
      [
        'index.mjs',
        `import { readFileSync, readdirSync } from 'node:fs';
        export const handler = async () => ({
          run: readdirSync('/tmp').filter((name) => name.endsWith('-was-run')),
          libraries: process.env.LD_LIBRARY_PATH,
          programs: process.env.PATH,
          own: process.env.OWN,
          privileges: /CapBnd:\\s*(\\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1],
        });`,
      ],
    ]);
    const programs = '/var/task/bin:/opt/bin:/usr/bin:/bin';
    const OWN = `it's "own" $(id) \\ and\nof two lines`;
    await deploy(sdk, files, { Environment: { Variables: { PATH: programs, OWN } } });
    const { value, error } = await call(sdk);
    if (kindOf(bench) !== 'namespaces') context.skip();
    expect(error).toBeUndefined();
    expect(value).toEqual({
      run: [],
      libraries: '/var/task:/var/task/lib:/opt/lib',
      programs,
      own: OWN,
      privileges: '0000000000000000',
    });
  });

  it('with namespaces: no tool that makes them loads a library of the archive or of a layer', async (context) => {
    const bench = await functionBench();
    const { sdk } = bench;
    // What util-linux is linked with; nothing starts that loads one of these.
    const libraries = [
      'libcap-ng.so.0',
      'libsmartcols.so.1',
      'libmount.so.1',
      'libblkid.so.1',
      'libselinux.so.1',
    ];
    const broken = (folder: string): Record<string, string> =>
      Object.fromEntries(libraries.map((name) => [`${folder}${name}`, 'no library']));
    const { LayerVersionArn = '' } = await sdk.send(
      new PublishLayerVersionCommand({
        LayerName: 'libraries',
        Content: { ZipFile: await zipOf(broken('lib/')) },
      }),
    );
    const source = `import { readFileSync } from 'node:fs';
      export const handler = async () => process.env.LD_LIBRARY_PATH.split(':')
        .flatMap((folder) => ${JSON.stringify(libraries)}.map((name) => readFileSync(folder + '/' + name, 'utf8')));`;
    const archives: readonly [string, Record<string, string>, string[]][] = [
      ['own', broken(''), []],
      ['own-lib', broken('lib/'), []],
      ['layer', {}, [LayerVersionArn]],
      ['all', { ...broken(''), ...broken('lib/') }, [LayerVersionArn]],
    ];
    for (const [name, files, Layers] of archives) {
      const index = name === 'all' ? source : `export const handler = async () => 'started';`;
      await deploy(sdk, { ...files, 'index.mjs': index }, { FunctionName: name, Layers });
      const { value } = await call(sdk, {}, { FunctionName: name });
      if (kindOf(bench) !== 'namespaces') context.skip();
      expect(value, name).toEqual(
        name === 'all' ? Array.from({ length: 3 * libraries.length }, () => 'no library') : 'started',
      );
    }
  });

  it.each(['nodejs22.x', 'python3.12', 'provided.al2023'] as const)(
    'without namespaces %s runs all the same',
    async (Runtime) => {
      const bench = await functionBench({ functionSandbox: 'off' });
      const { sdk } = bench;
      const sources = {
        'nodejs22.x': {
          'index.mjs':
            'export const handler = async (e) => ({ ...e, secrets: Object.keys(process.env).filter((n) => /GATEWRIGHT/.test(n)) });',
        },
        'python3.12': {
          'index.py':
            'import os\ndef handler(e, c):\n  return {**e, "secrets": [n for n in os.environ if "GATEWRIGHT" in n]}',
        },
        'provided.al2023': {
          bootstrap: {
            text: '#!/bin/sh\nwhile :; do\n  id=$(curl -sS -D - -o "$TMPDIR/e" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" | sed -n "s/^lambda-runtime-aws-request-id: *\\([0-9a-f-]*\\).*/\\1/Ip")\n  curl -sS -X POST "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d \'{"a":1,"secrets":[]}\'\ndone\n',
            mode: 0o100_755,
          },
        },
      };
      await deploy(sdk, sources[Runtime], { Runtime });
      expect((await call(sdk, { a: 1 })).value).toEqual({ a: 1, secrets: [] });
      expect(kindOf(bench)).toBe('process-group');
      expect((await call(sdk, { a: 1 })).error).toBeUndefined();
    },
  );

  it('without namespaces a process that fails is contained by its group', async () => {
    const { sdk } = await functionBench({ functionSandbox: 'off' });
    await deploy(
      sdk,
      'export const handler = async (e) => { if (e.end === "exit") process.exit(4); if (e.end === "hang") for (;;); return "well"; };',
      { Timeout: 1 },
    );
    expect((await call(sdk, { end: 'exit' })).value).toMatchObject({
      errorMessage: expect.stringContaining('exit status 4'),
    });
    expect((await call(sdk, { end: 'hang' })).value).toMatchObject({ errorType: 'Sandbox.Timedout' });
    expect((await call(sdk)).value).toBe('well');
  });

  it.each(['auto', 'off'] as const)(
    'sandbox %s: nobody takes the events of a custom runtime',
    async (functionSandbox) => {
      const { sdk } = await functionBench({ functionSandbox });
      const bootstrap = {
        text: `#!/bin/sh
base="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while :; do
  id=$(curl -sS -D - -o "$TMPDIR/e" "$base/next" | sed -n "s/^lambda-runtime-aws-request-id: *\\([0-9a-f-]*\\).*/\\1/Ip")
  curl -sS -X POST "$base/$id/response" -d "\\"$AWS_LAMBDA_RUNTIME_API\\"" > /dev/null
done
`,
        mode: 0o100_755,
      };
      await deploy(sdk, { bootstrap }, { Runtime: 'provided.al2023', FunctionName: 'victim' });
      const { value: api } = await call(sdk, {}, { FunctionName: 'victim' });
      const source = `export const handler = async ({ api }) => {
      const base = 'http://' + api + '/2018-06-01/runtime';
      const next = await fetch(base + '/invocation/next');
      const error = await fetch(base + '/init/error', { method: 'POST', body: '{}' });
      return [next.status, error.status];
    };`;
      await deploy(sdk, source, { Timeout: 20 });
      expect((await call(sdk, { api })).value).toEqual([403, 403]);
      expect((await fetch(`http://${String(api)}/2018-06-01/runtime/invocation/next`)).status).toBe(403);
      expect((await call(sdk, {}, { FunctionName: 'victim' })).value).toBe(api);
    },
  );
});

it('a child that leaves the process group is ended with it all the same', async () => {
  const { sdk } = await functionBench({ functionSandbox: 'off' });
  const mark = `8${process.pid}${Math.floor(performance.now())}`;
  await deploy(
    sdk,
    `import { spawn } from 'node:child_process';
     export const handler = async (e) => {
       if (e.end) process.exit(1);
       spawn('sleep', ['${mark}'], { detached: true, stdio: 'ignore' }).unref();
     };`,
  );
  const left = (): number => {
    const found = readdirSync('/proc').filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1') === `sleep\0${mark}\0`;
      } catch {
        return false;
      }
    });
    return found.length;
  };
  await call(sdk);
  await vi.waitFor(() => expect(left()).toBe(1), { timeout: 5_000 });
  await call(sdk, { end: true });
  await vi.waitFor(() => expect(left()).toBe(0), { timeout: 5_000 });
});

it.each(['nodejs22.x', 'python3.12'] as const)(
  '%s without a network: nothing can be reached, and calls go on',
  async (Runtime) => {
    const bench = await functionBench();
    const { sdk, app } = bench;
    const sources = {
      'nodejs22.x': `import { connect } from 'node:net';
      import { networkInterfaces } from 'node:os';
      export const handler = ({ port, n }) => new Promise((done) => {
        const socket = connect(port, '127.0.0.1');
        const tell = (reached) => () => { socket.destroy(); done({ n, reached, outside: Object.values(networkInterfaces()).flat().filter((i) => !i.internal).length }); };
        socket.once('connect', tell(true)).once('error', tell(false));
      });`,
      'python3.12': `import socket
def handler(event, context):
    try:
        socket.create_connection(("127.0.0.1", event["port"]), 2).close()
        reached = True
    except OSError:
        reached = False
    return {"n": event["n"], "reached": reached, "outside": len([name for _, name in socket.if_nameindex() if name != "lo"])}
`,
    };
    const { port } = new URL(app.controlUrl);
    await deploy(sdk, sources[Runtime], { Runtime, Timeout: 20 });
    expect((await call(sdk, { port: Number(port), n: 1 })).value).toMatchObject({ n: 1, reached: true });
    if (kindOf(bench) !== 'namespaces') return;
    const Resource = 'arn:aws:lambda:us-east-1:000000000000:function:orders';
    await sdk.send(new TagResourceCommand({ Resource, Tags: { 'gatewright:network': 'none' } }));
    for (const n of [2, 3]) {
      const { value } = await call(sdk, { port: Number(port), n });
      expect(value).toEqual({ n, reached: false, outside: 0 });
    }
    await sdk.send(new UntagResourceCommand({ Resource, TagKeys: ['gatewright:network'] }));
    expect((await call(sdk, { port: Number(port), n: 4 })).value).toMatchObject({ n: 4, reached: true });
    for (const tag of [{ 'gatewright:network': 'some' }, { 'gatewright:nothing': '1' }])
      expect(await refusal(sdk.send(new TagResourceCommand({ Resource, Tags: tag })))).toMatchObject({
        name: 'InvalidParameterValueException',
      });
  },
);

it.each(['nodejs24.x', 'python3.12'] as const)(
  '%s with a network by the egress rules: what they allow, and nothing else',
  async (Runtime) => {
    // Loopback addresses that clients do not know as such: their requests go to the proxy.
    const [open, closed] =
      process.platform === 'linux' ? ['127.0.0.2', '127.0.0.3'] : ['127.0.0.1', '127.0.0.1'];
    const allowed = await listening((_request, response) => response.end('allowed'), open);
    const forbidden = await listening((_request, response) => response.end('forbidden'), closed);
    const bench = await functionBench({ egressAllow: [parseAllowRule(`${open}:${allowed}`)] });
    const { sdk } = bench;
    const sources = {
      'nodejs24.x': `import { connect } from 'node:net';
      const direct = (port) => new Promise((done) => { const s = connect(port, '127.0.0.2'); s.once('connect', () => done('reached')).once('error', (e) => done(e.code)); });
      export const handler = async ({ urls, port }) => {
        const seen = [];
        for (const url of urls) seen.push(await fetch(url).then(async (r) => [r.status, (await r.text()).slice(0, 9)], (e) => ['failed', String(e.cause?.code ?? e.cause?.message).slice(0, 20)]));
        return { seen, direct: await direct(port) };
      };`,
      'python3.12': `import urllib.request, urllib.error, socket
def look(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return [answer.status, answer.read().decode()[:9]]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()[:9]]
    except OSError as error:
        return ["failed", str(error)[:20]]
def handler(event, context):
    try:
        socket.create_connection(("127.0.0.2", event["port"]), 2).close()
        direct = "reached"
    except OSError as error:
        direct = "ECONNREFUSED"
    return {"seen": [look(url) for url in event["urls"]], "direct": direct}
`,
    };
    await deploy(sdk, sources[Runtime], { Runtime, Timeout: 30, Tags: { 'gatewright:network': 'egress' } });
    const urls = [`http://${open}:${allowed}/`, `http://${closed}:${forbidden}/`, `http://169.254.169.254/`];
    const answer = await sdk
      .send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ urls, port: allowed }) }))
      .catch((fault: unknown) => fault);
    if (kindOf(bench) !== 'namespaces') {
      expect(answer).toMatchObject({ name: 'InvalidRuntimeException' });
      return;
    }
    const { Payload } = answer as { readonly Payload?: Uint8Array };
    const { seen, direct } = jsonOf(Payload) as { seen: [number | string, string][]; direct: string };
    expect(seen[0]).toEqual([200, 'allowed']);
    for (const [status, text] of seen.slice(1)) {
      expect(status).not.toBe(200);
      expect(text).not.toBe('forbidden');
    }
    expect(direct).toBe('ECONNREFUSED');
  },
);

it('the proxy: what the rules allow, tunnels with TLS, and no way around', async () => {
  const target = await listening((request, response) =>
    response.end(
      `${request.method} ${request.url} ${String(request.headers['x-own'])} ${request.headers['proxy-authorization'] ?? 'none'}`,
    ),
  );
  const other = await listening((_request, response) => response.end('not this'));
  const send = await proxyFor([`127.0.0.1:${target}`]);
  const end = 'Connection: close\r\n\r\n';
  const forwarded = await send(
    `GET http://127.0.0.1:${target}/a?b=c HTTP/1.1\r\nHost: elsewhere\r\nX-Own: kept\r\nProxy-Authorization: Basic x\r\n${end}`,
  );
  expect(forwarded).toMatch(/^HTTP\/1\.1 200 /);
  expect(forwarded).toContain('GET /a?b=c kept none');
  const plain = await send(
    `CONNECT 127.0.0.1:${target} HTTP/1.1\r\nHost: x\r\n\r\n`,
    'GET /tunnel HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  expect(plain).toContain('GET /tunnel');
  for (const refused of [
    `GET http://127.0.0.1:${other}/ HTTP/1.1\r\nHost: x\r\n${end}`,
    `GET http://localhost:${other}/ HTTP/1.1\r\nHost: x\r\n${end}`,
    `GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: x\r\n${end}`,
    `GET http://user:pass@127.0.0.1:${target}/ HTTP/1.1\r\nHost: x\r\n${end}`,
    `CONNECT 127.0.0.1:${other} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `CONNECT localhost:${other} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `CONNECT [::1]:${other} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `CONNECT [::ffff:127.0.0.1]:${other} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `CONNECT 2130706433:${other} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `CONNECT 10.0.0.1:443 HTTP/1.1\r\nHost: x\r\n\r\n`,
  ]) {
    const answer = await send(refused);
    expect(answer, refused).toMatch(/^HTTP\/1\.1 403 Forbidden/);
    expect(answer).not.toContain('not this');
  }
  for (const nonsense of [
    'GET /own HTTP/1.1\r\nHost: x\r\n',
    `CONNECT /x HTTP/1.1\r\nHost: x\r\n`,
    `CONNECT a b:1 HTTP/1.1\r\nHost: x\r\n`,
  ])
    expect(await send(`${nonsense}${end}`)).not.toMatch(/^HTTP\/1\.1 2/);
});

describe('the proxy, when what is behind it', () => {
  /** A server that answers every connection with these bytes, and ends it. */
  async function answering(text: string): Promise<number> {
    const server = createSocketServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(text, 'latin1'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => server.close(resolve)));
    return (server.address() as AddressInfo).port;
  }

  const rest = 'Content-Length: 2\r\nConnection: close\r\n\r\nhi';
  it.each<[string, string, RegExp]>([
    ['answers with 099', `HTTP/1.1 099 x\r\n${rest}`, /^HTTP\/1\.1 502 /],
    ['answers with 000', `HTTP/1.1 000 x\r\n${rest}`, /^HTTP\/1\.1 502 /],
    ['answers with 101', `HTTP/1.1 101 x\r\n${rest}`, /^HTTP\/1\.1 502 /],
    [
      'changes protocols',
      'HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhi',
      /^HTTP\/1\.1 502 /,
    ],
    ['answers with 199 and no more', `HTTP/1.1 199 x\r\n${rest}`, /^HTTP\/1\.1 502 /],
    ['answers with 600', `HTTP/1.1 600 x\r\n${rest}`, /^HTTP\/1\.1 502 /],
    ['answers with 999', `HTTP/1.1 999 x\r\n${rest}`, /^HTTP\/1\.1 502 /],
    ['answers with four digits', `HTTP/1.1 2000 x\r\n${rest}`, /^HTTP\/1\.1 502 /],
    ['is no HTTP', 'SSH-2.0-x\r\n', /^HTTP\/1\.1 502 /],
    ['says nothing', '', /^HTTP\/1\.1 502 /],
    ['has a header that is none', `HTTP/1.1 200 x\r\nA: \0\x01\r\n${rest}`, /^HTTP\/1\.1 502 /],
    [
      'says 103 first',
      `HTTP/1.1 103 x\r\nLink: </a>\r\n\r\nHTTP/1.1 200 x\r\n${rest}`,
      /^HTTP\/1\.1 200 [^]*hi$/,
    ],
    ['answers with 599', `HTTP/1.1 599 x\r\n${rest}`, /^HTTP\/1\.1 599 [^]*hi$/],
    ['ends before its end', 'HTTP/1.1 200 x\r\nContent-Length: 9\r\n\r\nhi', /^HTTP\/1\.1 200 [^]*hi$/],
  ])('%s: an answer for this request, and the next one is served', async (_what, text, expected) => {
    const hostile = await answering(text);
    const well = await listening((_request, response) => response.end('well'));
    const send = await proxyFor([`127.0.0.1:${hostile}`, `127.0.0.1:${well}`]);
    const get = (port: number): Promise<string> =>
      send(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(await get(hostile)).toMatch(expected);
    expect(await get(well)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

it('who wants no network gets none, or nothing', async () => {
  const { sdk } = await functionBench({ functionSandbox: 'off' });
  await deploy(sdk, 'export const handler = async () => 1;', { Tags: { 'gatewright:network': 'none' } });
  expect(await refusal(call(sdk))).toMatchObject({
    name: 'InvalidRuntimeException',
    message: expect.stringContaining('gatewright:network is none'),
  });
});

it('a function starts after the master key was rotated', async () => {
  const { sdk, app } = await functionBench();
  await deploy(
    sdk,
    'export const handler = async (e) => { if (e.end) process.exit(1); return process.env.WORD; };',
    {
      Environment: { Variables: { WORD: 'sealed' } },
      Publish: true,
    },
  );
  expect((await call(sdk)).value).toBe('sealed');
  await app.control.invoke('RotateVaultKey', {});
  await call(sdk, { end: true });
  // The change feed brings what is sealed under the new key.
  await vi.waitFor(async () => expect((await call(sdk)).value).toBe('sealed'), { timeout: 5_000 });
  expect((await call(sdk, {}, { Qualifier: '1' })).value).toBe('sealed');
});

describe('who may do what', () => {
  async function keyOf(bench: FunctionBench, role: string, more: object = {}): Promise<LambdaClient> {
    const made = await bench.app.control.invoke('CreateAccessKey', { userName: `a-${role}`, role, ...more });
    return bench.client({
      accessKeyId: String(made['accessKeyId']),
      secretAccessKey: String(made['secretAccessKey']),
    });
  }

  it('administrators make functions; operators call them and look; readers look; callers need a permission', async () => {
    const bench = await functionBench();
    await deploy(bench.sdk, 'export const handler = async (e) => e;', {
      Environment: { Variables: { SECRET: 'of the shop' } },
    });
    const ZipFile = await zipOf({ 'index.mjs': 'export const handler = async () => "other";' });
    const denied = { name: 'AccessDeniedException', status: 403 };
    for (const role of ['operator', 'reader', 'caller']) {
      const sdk = await keyOf(bench, role);
      expect(
        await refusal(deploy(sdk, 'export const handler = 1;', { FunctionName: 'mine' })),
        role,
      ).toMatchObject(denied);
      for (const command of [
        new UpdateFunctionCodeCommand({ FunctionName, ZipFile }),
        new PublishVersionCommand({ FunctionName }),
        new DeleteFunctionCommand({ FunctionName }),
        new AddPermissionCommand({
          FunctionName,
          StatementId: 's',
          Action: 'lambda:InvokeFunction',
          Principal: '*',
        }),
      ])
        expect(await refusal(sdk.send(command as DeleteFunctionCommand)), role).toMatchObject(denied);
      if (role === 'operator') expect((await call(sdk, { a: 1 })).value).toEqual({ a: 1 });
      else expect(await refusal(call(sdk)), role).toMatchObject(denied);
      if (role === 'caller') {
        expect(await refusal(sdk.send(new ListFunctionsCommand({})))).toMatchObject(denied);
        continue;
      }
      const seen = JSON.stringify([
        await sdk.send(new GetFunctionCommand({ FunctionName })),
        await sdk.send(new GetFunctionConfigurationCommand({ FunctionName })),
        await sdk.send(new ListFunctionsCommand({})),
      ]);
      expect(seen, role).not.toContain('of the shop');
      expect(seen, role).not.toContain('code-archives');
      expect(seen, role).toContain('AccessDeniedException');
    }
  });

  it('a permission lets one caller call one function, and nobody else', async () => {
    const bench = await functionBench();
    const { sdk } = bench;
    for (const name of ['orders', 'stock'])
      await deploy(sdk, 'export const handler = async (e) => e;', { FunctionName: name });
    const friend = await keyOf(bench, 'caller');
    const stranger = await keyOf(bench, 'reader');
    await sdk.send(
      new AddPermissionCommand({
        FunctionName,
        StatementId: 'friend',
        Action: 'lambda:InvokeFunction',
        Principal: 'arn:aws:iam::000000000000:user/a-caller',
      }),
    );
    expect((await call(friend, { a: 1 })).value).toEqual({ a: 1 });
    expect(await refusal(call(stranger))).toMatchObject({ name: 'AccessDeniedException' });
    expect(await refusal(call(friend, {}, { FunctionName: 'stock' }))).toMatchObject({
      name: 'AccessDeniedException',
    });
    await sdk.send(
      new AddPermissionCommand({
        FunctionName: 'stock',
        StatementId: 'conditional',
        Action: 'lambda:InvokeFunction',
        Principal: '*',
        SourceAccount: '000000000000',
      }),
    );
    expect(await refusal(call(friend, {}, { FunctionName: 'stock' }))).toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  it('a key that is limited to some gateways has no part in functions', async () => {
    const bench = await functionBench();
    await deploy(bench.sdk, 'export const handler = async (e) => e;');
    const { id } = await bench.gateway({});
    for (const role of ['administrator', 'operator']) {
      const limited = await keyOf(bench, role, { gatewayIdentifiers: [id] });
      expect(await refusal(call(limited)), role).toMatchObject({ name: 'AccessDeniedException' });
      expect(await refusal(limited.send(new ListFunctionsCommand({})))).toMatchObject({
        name: 'AccessDeniedException',
      });
    }
  });

  it('where others can reach the control plane, functions are off unless the operator says so', async () => {
    const open = await functionBench({ listen: { host: '0.0.0.0', port: 0 } });
    expect(await refusal(deploy(open.sdk, 'export const handler = 1;'))).toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining('GATEWRIGHT_FUNCTIONS=on'),
    });
    const off = await functionBench({ functions: 'off' });
    expect(await refusal(deploy(off.sdk, 'export const handler = 1;'))).toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining('GATEWRIGHT_FUNCTIONS=off'),
    });
  });
});

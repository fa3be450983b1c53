// Behind reverse proxies: whose request it is, for resource policies, for the limits of the authorization server, and in
// the log; and that nobody but a trusted proxy can say so.

import { createRequire } from 'node:module';
import { afterEach, describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { parseAddressRange } from '../src/lib/address-range.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import {
  CALLBACK,
  USER,
  authorizationRequest,
  openAuthorizedApp,
  registerPublic,
} from './support/oauth-client.ts';
import { openBrowser } from './support/browser.ts';

// aws4 comes without types.
const aws4 = createRequire(import.meta.url)('aws4') as {
  sign(request: object, credentials: object): { headers: Record<string, string | number> };
};
const PROXY = { trustedProxies: [parseAddressRange('127.0.0.0/8')] };
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});

/** A gateway that one address may call, with the way to call it. */
async function guardedByAddress(app: TestApp, sourceIp: string, hostname?: string) {
  const gateway = await app.app.control.invoke('CreateGateway', {
    name: 'guarded',
    roleArn: 'arn:aws:iam::000000000000:role/gateway',
    protocolType: 'MCP',
    authorizerType: 'AWS_IAM',
  });
  await app.app.control.settled();
  const resourceArn = String(gateway['gatewayArn']);
  await app.app.control.invoke('PutResourcePolicy', {
    resourceArn,
    policy: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 'bedrock-agentcore:InvokeGateway',
          Resource: resourceArn,
          Condition: { StringNotEquals: { 'aws:SourceIp': sourceIp } },
        },
      ],
    }),
  });
  const key = await app.app.control.invoke('CreateAccessKey', { userName: 'ada', role: 'caller' });
  return async (forwarded?: string): Promise<number> => {
    const url = new URL(String(gateway['gatewayUrl']));
    if (hostname !== undefined) url.hostname = hostname;
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    const { headers } = aws4.sign(
      {
        host: url.host,
        path: url.pathname,
        method: 'POST',
        service: 'bedrock-agentcore',
        region: 'us-east-1',
        headers: { 'content-type': 'application/json' },
        body,
      },
      { accessKeyId: key['accessKeyId'], secretAccessKey: key['secretAccessKey'] },
    );
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        ...Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
        ),
        ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
      },
      body,
    });
    await answer.text();
    return answer.status;
  };
}

describe('aws:SourceIp', () => {
  test('is the client’s address behind a trusted proxy, whatever the client wrote itself', async () => {
    const app = await openTestApp(PROXY);
    open.push(app);
    const call = await guardedByAddress(app, '198.51.100.1');
    expect(await call('198.51.100.1')).toBe(200);
    expect(await call('203.0.113.5, 198.51.100.1')).toBe(200);
    expect(await call('::ffff:198.51.100.1')).toBe(200);
    expect(await call('198.51.100.1, 203.0.113.5')).toBe(403);
    expect(await call()).toBe(403);
    const lines = app.lines.filter(({ msg }) => msg === 'mcp');
    expect(lines.map(({ remoteAddress }) => remoteAddress)).toEqual([
      '198.51.100.1',
      '198.51.100.1',
      '198.51.100.1',
      '203.0.113.5',
      '127.0.0.1',
    ]);
  });

  test('is the peer’s address where no proxy is trusted', async () => {
    const app = await openTestApp();
    open.push(app);
    const call = await guardedByAddress(app, '198.51.100.1');
    expect(await call('198.51.100.1')).toBe(403);
    const local = await guardedByAddress(
      await openTestApp().then((other) => (open.push(other), other)),
      '127.0.0.1',
    );
    expect(await local('198.51.100.1')).toBe(200);
  });

  test('is an IPv4 address also where it comes in an IPv6 one', async () => {
    // A socket for both: peers with IPv4 addresses appear as ::ffff:….
    const app = await openTestApp({ listen: { host: '::', port: 0 } });
    open.push(app);
    const call = await guardedByAddress(app, '127.0.0.1', '127.0.0.1');
    expect(await call()).toBe(200);
  });
});

describe('the limits of the authorization server', () => {
  const registerFrom = async (issuer: string, address: string): Promise<number> => {
    const answer = await fetch(`${issuer}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
      body: JSON.stringify({ redirect_uris: [CALLBACK], token_endpoint_auth_method: 'none' }),
    });
    await answer.text();
    return answer.status;
  };

  test('are those of clients behind a trusted proxy', async () => {
    const app = await openAuthorizedApp(PROXY);
    open.push(app);
    for (let count = 0; count < 30; count += 1)
      expect(await registerFrom(app.issuer, '198.51.100.1')).toBe(201);
    expect(await registerFrom(app.issuer, '198.51.100.1')).toBe(429);
    expect(await registerFrom(app.issuer, `198.51.100.2, 198.51.100.1`)).toBe(429);
    expect(await registerFrom(app.issuer, '198.51.100.2')).toBe(201);
  });

  test('cannot be walked around by who names addresses', async () => {
    const app = await openAuthorizedApp();
    open.push(app);
    const answers: number[] = [];
    for (let count = 0; count < 31; count += 1)
      answers.push(await registerFrom(app.issuer, `198.51.100.${count}`));
    expect(answers.filter((status) => status === 201)).toHaveLength(30);
    expect(answers.at(-1)).toBe(429);
  });

  test('count wrong passwords for each address, and the log says which', async () => {
    const app = await openAuthorizedApp(PROXY);
    open.push(app);
    await app.guarded({});
    const { url } = authorizationRequest(app.issuer, { client_id: await registerPublic(app.issuer) });
    const browser = openBrowser(app.publicUrl);
    const page = await browser.open(url);
    await browser.submit(
      page,
      { username: USER.userName, password: 'wrong password', decision: 'sign-in' },
      { 'x-forwarded-for': '203.0.113.66, 198.51.100.9' },
    );
    expect(app.lines.find(({ msg }) => msg === 'a sign-in was refused')).toMatchObject({
      remoteAddress: '198.51.100.9',
    });
  });
});

test('the setting is read with all its faults', () => {
  const read = (text: string) => readConfig({ env: { GATEWRIGHT_TRUSTED_PROXIES: text }, flags: {} });
  const good = read('10.0.0.0/8, 192.0.2.1,fd00::/8');
  expect('config' in good && good.config.trustedProxies).toHaveLength(3);
  for (const bad of ['10.0.0.0/40', 'proxy.example', '10.0.0.0/8,x'])
    expect(read(bad)).toMatchObject({ faults: [expect.stringContaining('GATEWRIGHT_TRUSTED_PROXIES')] });
});

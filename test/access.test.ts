// Access keys and what they may do, by the official SDK against the control plane and by signed requests to a gateway
// that asks for signatures: roles, gateways, rotation, temporary keys, resource policies.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import {
  BedrockAgentCoreControlClient,
  CreateGatewayCommand,
  DeleteGatewayCommand,
  GetGatewayCommand,
  GetResourcePolicyCommand,
  ListGatewaysCommand,
  PutResourcePolicyCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { describeApi } from './support/upstream.ts';

// aws4 comes without types.
const aws4 = createRequire(import.meta.url)('aws4') as {
  sign(request: object, credentials: object): { headers: Record<string, string | number> };
};

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

let app: TestApp;
let gatewayId: string;
let gatewayUrl: string;
let other: { id: string; url: string };

beforeAll(async () => {
  app = await openTestApp();
  const made = await app.app.control.invoke('CreateGateway', {
    name: 'signed',
    roleArn: 'arn:aws:iam::000000000000:role/gateway',
    protocolType: 'MCP',
    authorizerType: 'AWS_IAM',
  });
  gatewayId = made['gatewayId'] as string;
  gatewayUrl = made['gatewayUrl'] as string;
  await app.app.control.invoke('CreateGatewayTarget', {
    gatewayIdentifier: gatewayId,
    name: 'pets',
    targetConfiguration: {
      mcp: {
        openApiSchema: { inlinePayload: JSON.stringify(describeApi('http://127.0.0.1:1', { list: {} })) },
      },
    },
  });
  await app.app.control.settled();
  other = await app.gateway({ name: 'other' });
});
afterAll(() => app.close());

async function newKey(wish: JsonObject): Promise<Credentials> {
  const key = await app.app.control.invoke('CreateAccessKey', { userName: 'ada', ...wish });
  return { accessKeyId: key['accessKeyId'] as string, secretAccessKey: key['secretAccessKey'] as string };
}

function sdk(credentials: Credentials): BedrockAgentCoreControlClient {
  return new BedrockAgentCoreControlClient({
    endpoint: app.app.controlUrl,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials,
  });
}

interface SignedWish {
  readonly url?: string;
  readonly body?: string;
  readonly sentBody?: string;
  readonly method?: string;
  readonly service?: string;
  readonly headers?: Record<string, string>;
}

/** One signed request to a gateway. */
async function signed(credentials: Credentials, wish: SignedWish = {}) {
  const { url = gatewayUrl, method = 'POST', service = 'bedrock-agentcore' } = wish;
  const body = wish.body ?? '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  const { host, pathname } = new URL(url);
  const { headers } = aws4.sign(
    {
      host,
      path: pathname,
      method,
      service,
      region: 'us-east-1',
      headers: { 'content-type': 'application/json' },
      ...(method === 'POST' ? { body } : {}),
    },
    credentials,
  );
  const answer = await fetch(url, {
    method,
    headers: {
      ...Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
      ),
      ...wish.headers,
    },
    ...(method === 'POST' ? { body: wish.sentBody ?? body } : {}),
  });
  return { status: answer.status, text: await answer.text() };
}

describe('a gateway with AWS_IAM', () => {
  test('serves whoever signs with a key that may call', async () => {
    for (const role of ['administrator', 'operator', 'caller']) {
      const answer = await signed(await newKey({ role }));
      expect([role, answer.status]).toEqual([role, 200]);
      expect(answer.text).toContain('pets___list');
    }
  });

  test('refuses everybody else, and tells apart only who has proved who they are', async () => {
    const caller = await newKey({ role: 'caller' });
    const refused = await Promise.all([
      fetch(gatewayUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).then(
        async (answer) => ({ status: answer.status, text: await answer.text() }),
      ),
      signed({ accessKeyId: 'AKIAUNKNOWNUNKNOWN00', secretAccessKey: 'x'.repeat(40) }),
      signed({ ...caller, secretAccessKey: 'x'.repeat(40) }),
      signed(caller, { sentBody: '{"jsonrpc":"2.0","id":1,"method":"tools/call"}' }),
      signed(caller, { service: 'execute-api' }),
      signed(caller, { headers: { 'x-amz-security-token': 'forged' } }),
      signed(caller, { headers: { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' } }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 401));
    for (const { text } of refused) expect(text).not.toContain('pets');
    const reader = await signed(await newKey({ role: 'reader' }));
    expect([reader.status, reader.text]).toEqual([403, expect.stringContaining('not authorized to perform')]);
  });

  test('is closed to keys that are limited to other gateways, out of use, over or deleted', async () => {
    const elsewhere = await newKey({ role: 'caller', gatewayIdentifiers: [other.id] });
    expect((await signed(elsewhere)).status).toBe(403);
    const here = await newKey({ role: 'caller', gatewayIdentifiers: [gatewayId] });
    expect((await signed(here)).status).toBe(200);
    await app.app.control.invoke('UpdateAccessKey', { keyId: here.accessKeyId, status: 'Inactive' });
    expect((await signed(here)).status).toBe(401);
    await app.app.control.invoke('UpdateAccessKey', { keyId: here.accessKeyId, status: 'Active' });
    expect((await signed(here)).status).toBe(200);
    await app.app.control.invoke('DeleteAccessKey', { keyId: here.accessKeyId });
    expect((await signed(here)).status).toBe(401);
  });

  test('takes temporary keys, until they or their parents go', async () => {
    const parent = await newKey({ role: 'operator' });
    const answer = (await sdkInvoke(parent, 'GetSessionToken', {})) as Record<string, string>;
    const temporary = {
      accessKeyId: answer['accessKeyId'] ?? '',
      secretAccessKey: answer['secretAccessKey'] ?? '',
      sessionToken: answer['sessionToken'] ?? '',
    };
    expect((await signed(temporary)).status).toBe(200);
    expect((await signed({ ...temporary, sessionToken: `${temporary.sessionToken}A` })).status).toBe(401);
    const { sessionToken: _without, ...bare } = temporary;
    expect((await signed(bare)).status).toBe(401);
    expect((await signed({ ...parent, sessionToken: temporary.sessionToken })).status).toBe(401);
    // A secret that may have been stolen is rotated: what was made with it goes with it.
    const stolen = await newKey({ role: 'operator' });
    const made = (await sdkInvoke(stolen, 'GetSessionToken', {})) as Record<string, string>;
    const thief = {
      accessKeyId: made['accessKeyId'] ?? '',
      secretAccessKey: made['secretAccessKey'] ?? '',
      sessionToken: made['sessionToken'] ?? '',
    };
    expect((await signed(thief)).status).toBe(200);
    const rotate = (keepPreviousForSeconds: number) =>
      app.app.control.invoke('RotateAccessKey', { keyId: stolen.accessKeyId, keepPreviousForSeconds });
    await rotate(600);
    expect((await signed(thief)).status).toBe(200);
    await rotate(0);
    expect((await signed(thief)).status).toBe(401);
    await app.app.control.invoke('DeleteAccessKey', { keyId: parent.accessKeyId });
    expect((await signed(temporary)).status).toBe(401);
  });

  test('is opened and closed by its resource policy; a denial outweighs every role', async () => {
    const stranger = await newKey({ role: 'caller', userName: 'eve', gatewayIdentifiers: [other.id] });
    const resourceArn = `arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/${gatewayId}`;
    const put = (effect: string, who: string): Promise<unknown> =>
      app.app.control.invoke('PutResourcePolicy', {
        resourceArn,
        policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            {
              Effect: effect,
              Principal: { AWS: who },
              Action: 'bedrock-agentcore:InvokeGateway',
              Resource: resourceArn,
            },
          ],
        }),
      });
    await put('Allow', 'arn:aws:iam::000000000000:user/eve');
    expect((await signed(stranger)).status).toBe(200);
    await put('Deny', '*');
    expect((await signed(await newKey({ role: 'administrator' }))).status).toBe(403);
    await app.app.control.invoke('DeleteResourcePolicy', { resourceArn });
    expect((await signed(stranger)).status).toBe(403);
    expect((await signed(await newKey({ role: 'administrator' }))).status).toBe(200);
    await expect(put('Maybe', '*')).rejects.toMatchObject({ code: 'Validation' });
  });
});

/** An operation of Gatewright's own, which the SDK does not know, as a signed request. */
async function sdkInvoke(credentials: Credentials, operation: string, input: JsonObject): Promise<unknown> {
  const answer = await signed(credentials, {
    url: `${app.app.controlUrl}/identities/${operation}`,
    body: JSON.stringify(input),
  });
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  return JSON.parse(answer.text);
}

describe('the control plane', () => {
  const named = (command: Promise<unknown>): Promise<string> =>
    command.then(
      () => 'done',
      (error: unknown) => (error as Error).name,
    );

  test('lets a reader read, and change nothing', async () => {
    const reader = sdk(await newKey({ role: 'reader' }));
    expect(await named(reader.send(new GetGatewayCommand({ gatewayIdentifier: gatewayId })))).toBe('done');
    const create = new CreateGatewayCommand({
      name: 'by-reader',
      roleArn: 'arn:aws:iam::000000000000:role/x',
      authorizerType: 'NONE',
    });
    expect(await named(reader.send(create))).toBe('AccessDeniedException');
    expect(await named(reader.send(new DeleteGatewayCommand({ gatewayIdentifier: gatewayId })))).toBe(
      'AccessDeniedException',
    );
    reader.destroy();
  });

  test('lets an operator do everything but hand out access', async () => {
    const key = await newKey({ role: 'operator' });
    const operator = sdk(key);
    const { gatewayId: made } = await operator.send(
      new CreateGatewayCommand({
        name: 'by-operator',
        roleArn: 'arn:aws:iam::000000000000:role/x',
        authorizerType: 'NONE',
      }),
    );
    await app.app.control.settled();
    await operator.send(new DeleteGatewayCommand({ gatewayIdentifier: made }));
    await expect(sdkInvoke(key, 'CreateAccessKey', { userName: 'x', role: 'administrator' })).rejects.toThrow(
      '403',
    );
    await expect(
      sdkInvoke(key, 'UpdateAccessKey', { keyId: key.accessKeyId, role: 'administrator' }),
    ).rejects.toThrow('403');
    operator.destroy();
  });

  test('shows a caller nothing at all', async () => {
    const caller = sdk(await newKey({ role: 'caller' }));
    expect(await named(caller.send(new ListGatewaysCommand({})))).toBe('AccessDeniedException');
    caller.destroy();
  });

  test('shows a key of some gateways those, and no others', async () => {
    const limited = sdk(await newKey({ role: 'operator', gatewayIdentifiers: [other.id] }));
    const { items } = await limited.send(new ListGatewaysCommand({}));
    expect(items?.map((item) => item.gatewayId)).toEqual([other.id]);
    expect(await named(limited.send(new GetGatewayCommand({ gatewayIdentifier: other.id })))).toBe('done');
    expect(await named(limited.send(new GetGatewayCommand({ gatewayIdentifier: gatewayId })))).toBe(
      'AccessDeniedException',
    );
    const resourceArn = `arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/${gatewayId}`;
    expect(await named(limited.send(new GetResourcePolicyCommand({ resourceArn })))).toBe(
      'AccessDeniedException',
    );
    expect(await named(limited.send(new PutResourcePolicyCommand({ resourceArn, policy: '{}' })))).toBe(
      'AccessDeniedException',
    );
    limited.destroy();
  });

  test('takes a rotated key with its new secret at once, and with the old one as long as was said', async () => {
    const key = await newKey({ role: 'reader' });
    const rotate = (keepPreviousForSeconds: number) =>
      app.app.control.invoke('RotateAccessKey', { keyId: key.accessKeyId, keepPreviousForSeconds });
    const list = (secretAccessKey: unknown): Promise<string> => {
      const client = sdk({ accessKeyId: key.accessKeyId, secretAccessKey: secretAccessKey as string });
      return named(client.send(new ListGatewaysCommand({}))).finally(() => client.destroy());
    };
    const second = await rotate(600);
    expect(await list(key.secretAccessKey)).toBe('done');
    expect(await list(second['secretAccessKey'])).toBe('done');
    const third = await rotate(0);
    expect(await list(second['secretAccessKey'])).toBe('AccessDeniedException');
    expect(await list(key.secretAccessKey)).toBe('AccessDeniedException');
    expect(await list(third['secretAccessKey'])).toBe('done');
  });

  test('never shows a secret again, and notes when a key was used', async () => {
    const key = await newKey({ role: 'reader' });
    const before = JSON.stringify(await app.app.control.invoke('GetAccessKey', { keyId: key.accessKeyId }));
    expect(before).not.toContain(key.secretAccessKey);
    expect(before).not.toContain('lastUsedTime');
    const client = sdk(key);
    await client.send(new ListGatewaysCommand({}));
    client.destroy();
    await expect
      .poll(async () => app.app.control.invoke('GetAccessKey', { keyId: key.accessKeyId }))
      .toHaveProperty('lastUsedTime');
    const all = JSON.stringify(await app.app.control.invoke('ListAccessKeys', { maxResults: 100 }));
    expect(all).toContain(key.accessKeyId);
    expect(all).not.toContain(key.secretAccessKey);
    expect(all).not.toContain(createHash('sha256').update(key.secretAccessKey).digest('hex'));
  });
});

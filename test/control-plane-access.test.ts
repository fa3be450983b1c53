// API-key providers, who may call the control plane, and requests no SDK would send.

import { createHash, createHmac } from 'node:crypto';
import {
  AccessDeniedException,
  ConflictException,
  CreateApiKeyCredentialProviderCommand,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  DeleteApiKeyCredentialProviderCommand,
  DeleteGatewayTargetCommand,
  GetApiKeyCredentialProviderCommand,
  ListApiKeyCredentialProvidersCommand,
  ListGatewaysCommand,
  ResourceNotFoundException,
  ServiceQuotaExceededException,
  UnauthorizedException,
  UpdateApiKeyCredentialProviderCommand,
  ValidationException,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
import { describe, expect, it } from 'vitest';
import { bench, closing, failure, GATEWAY, inline } from './support/control-bench.ts';

describe('API-key credential providers', () => {
  it('keep the key and never show it', async () => {
    const { sdk, plane, store, recorded } = await bench();
    const created = await sdk.send(
      new CreateApiKeyCredentialProviderCommand({ name: 'nasa', apiKey: 'k1-secret' }),
    );
    expect(created.$metadata.httpStatusCode).toBe(201);
    expect(created).toMatchObject({
      name: 'nasa',
      credentialProviderArn:
        'arn:aws:bedrock-agentcore:us-east-1:000000000000:token-vault/default/apikeycredentialprovider/nasa',
      apiKeySecretSource: 'MANAGED',
    });
    expect(created.apiKeySecretArn?.secretArn).toMatch(
      /^arn:aws:secretsmanager:us-east-1:000000000000:secret:/,
    );
    const { gatewayId: gatewayIdentifier = '' } = await sdk.send(new CreateGatewayCommand(GATEWAY));
    const providerArn = created.credentialProviderArn as string;
    const { targetId = '' } = await sdk.send(
      new CreateGatewayTargetCommand({
        gatewayIdentifier,
        targetConfiguration: inline(),
        credentialProviderConfigurations: [
          {
            credentialProviderType: 'API_KEY',
            credentialProvider: {
              apiKeyCredentialProvider: { providerArn, credentialLocation: 'QUERY_PARAMETER' },
            },
          },
        ],
      }),
    );
    await plane.settled();
    const used = await failure(sdk.send(new DeleteApiKeyCredentialProviderCommand({ name: 'nasa' })));
    expect(used).toBeInstanceOf(ValidationException);
    expect(used.message).toContain(`${gatewayIdentifier}/target-`);
    recorded.published.length = 0;
    const updated = await sdk.send(
      new UpdateApiKeyCredentialProviderCommand({ name: 'nasa', apiKey: 'k2-secret' }),
    );
    expect(updated.lastUpdatedTime).toBeInstanceOf(Date);
    expect(recorded.published).toEqual([gatewayIdentifier]);
    expect(recorded.sealed.map(({ secret, version }) => [secret, version])).toEqual([
      ['k1-secret', 1],
      ['k2-secret', 2],
    ]);
    expect(await store.count('secret')).toBe(1);
    const got = await sdk.send(new GetApiKeyCredentialProviderCommand({ name: 'nasa' }));
    expect(Math.abs((got.createdTime?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    const listed = await sdk.send(new ListApiKeyCredentialProvidersCommand({ maxResults: 5 }));
    expect(listed.credentialProviders).toMatchObject([{ name: 'nasa', credentialProviderArn: providerArn }]);
    expect(JSON.stringify([created, updated, got, listed, recorded.logged])).not.toContain('-secret');

    await sdk.send(new DeleteGatewayTargetCommand({ gatewayIdentifier, targetId }));
    const gone = await sdk.send(new DeleteApiKeyCredentialProviderCommand({ name: 'nasa' }));
    expect(gone.$metadata.httpStatusCode).toBe(204);
    expect(await store.count('secret')).toBe(0);
    for (const command of [
      new DeleteApiKeyCredentialProviderCommand({ name: 'nasa' }),
      new GetApiKeyCredentialProviderCommand({ name: 'nasa' }),
    ])
      expect(await failure(sdk.send(command as GetApiKeyCredentialProviderCommand))).toBeInstanceOf(
        ResourceNotFoundException,
      );
  });

  it('refuse keys that cannot be one', async () => {
    const { sdk } = await bench({ quotas: { apiKeyProviders: 1 } });
    const create = (more: object) =>
      sdk.send(new CreateApiKeyCredentialProviderCommand({ name: 'n', ...more }));
    for (const more of [
      {},
      { apiKey: '' },
      { apiKey: 'line\n' },
      { apiKey: 'x'.repeat(65_537) },
      { apiKey: 'k', apiKeySecretSource: 'EXTERNAL' },
      { apiKeySecretConfig: { secretId: 's', jsonKey: 'k' } },
    ])
      expect(await failure(create(more))).toBeInstanceOf(ValidationException);
    await create({ apiKey: 'k' });
    expect(await failure(create({ apiKey: 'k' }))).toBeInstanceOf(ConflictException);
    expect(await failure(create({ name: 'm', apiKey: 'k' }))).toBeInstanceOf(ServiceQuotaExceededException);
  });
});

describe('who may call', () => {
  it('only holders of a key, for this region', async () => {
    const { server } = await bench();
    const list = (client: BedrockAgentCoreControlClient) => client.send(new ListGatewaysCommand({}));
    const bad = server.client({ secretAccessKey: 'wrong' });
    const wrong = await failure(list(bad));
    expect(wrong).toBeInstanceOf(AccessDeniedException);
    expect(wrong.message).toContain('The request signature we calculated does not match');
    expect(await failure(list(server.client({ accessKeyId: 'AKIDNOBODY' })))).toBeInstanceOf(
      AccessDeniedException,
    );
    expect((await failure(list(server.client({ region: 'us-west-2' })))).message).toContain('valid region');
    expect(await failure(bad.send(new GetApiKeyCredentialProviderCommand({ name: 'x' })))).toBeInstanceOf(
      UnauthorizedException,
    );
  });

  it('with every operation refused unsigned', async () => {
    const { server } = await bench();
    for (const [method, path] of [
      ['GET', '/gateways/'],
      ['POST', '/gateways/'],
      ['DELETE', '/gateways/g-0123456789/'],
      ['GET', '/gateways/g-0123456789/targets/0123456789/import-report'],
      ['GET', '/tags/x'],
    ] as const) {
      const response = await fetch(server.url + path, { method });
      expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([
        403,
        'AccessDeniedException',
      ]);
    }
    const identity = await fetch(`${server.url}/identities/ListApiKeyCredentialProviders`, {
      method: 'POST',
    });
    expect([identity.status, identity.headers.get('x-amzn-errortype')]).toEqual([
      401,
      'UnauthorizedException',
    ]);
    const unknown = await fetch(`${server.url}/gateways/x/rules`);
    expect([unknown.status, unknown.headers.get('x-amzn-errortype')]).toEqual([
      404,
      'UnknownOperationException',
    ]);
    expect(unknown.headers.get('x-amzn-requestid')).toBeTruthy();
  });
});

/** A request signed here, byte for byte as given. */
async function send(url: string, method: string, path: string, body: string | Uint8Array, at = Date.now()) {
  const bytes = Buffer.from(body as string);
  const date = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const host = new URL(url).host;
  const hash = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const canonical = [
    method,
    encoded,
    '',
    `host:${host}`,
    `x-amz-date:${date}`,
    '',
    'host;x-amz-date',
    hash(bytes),
  ];
  const scope = `${date.slice(0, 8)}/us-east-1/bedrock-agentcore/aws4_request`;
  const key = scope.split('/').reduce<string | Buffer>(hmac, 'AWS4test-secret');
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash(canonical.join('\n'))}`);
  const response = await fetch(url + path, {
    method,
    headers: {
      'x-amz-date': date,
      authorization: `AWS4-HMAC-SHA256 Credential=AKIDTEST/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature.toString('hex')}`,
    },
    ...(bytes.byteLength > 0 ? { body: bytes } : {}),
  });
  return {
    status: response.status,
    error: response.headers.get('x-amzn-errortype'),
    body: await response.text(),
  };
}

describe('raw requests', () => {
  it('are answered clearly whatever they hold', async () => {
    const { server, store } = await bench();
    const create = (body: string | Uint8Array) =>
      send(server.url, 'POST', '/identities/CreateApiKeyCredentialProvider', body);
    const cases: [string | Uint8Array, string, string][] = [
      ['{"name":"n","apiKey":"hunter2"', 'CannotParse', 'Line 1, column 31'],
      ['[]', 'CannotParse', 'must be a JSON object'],
      ['"x"', 'CannotParse', 'must be a JSON object'],
      [Buffer.from([0x7b, 0xff]), 'CannotParse', 'not valid UTF-8'],
      ['{"name":"a","name":"b"}', 'CannotParse', 'same member twice'],
      [`{"name":${'['.repeat(100_000)}`, 'CannotParse', 'nested more than 64'],
      ['{"name":7,"apiKey":{"hunter2":1}}', 'FieldValidationFailed', '2 validation errors detected'],
      ['{"name":"n","apiKey":"k","extra":1}', 'FieldValidationFailed', "'extra'"],
      ['{"__proto__":{"name":"n"},"apiKey":"k"}', 'FieldValidationFailed', '__proto__'],
      ['', 'FieldValidationFailed', "'name' failed to satisfy constraint: Member must not be null"],
    ];
    for (const [body, reason, part] of cases) {
      const answer = await create(body);
      expect([answer.status, answer.error]).toEqual([400, 'ValidationException']);
      expect(JSON.parse(answer.body)).toMatchObject({
        reason,
        message: expect.stringContaining(part) as string,
      });
      expect(answer.body).not.toContain('hunter2"');
    }
    expect(await store.count('api-key-credential-provider')).toBe(0);
    expect((await create('{"name":"n","apiKey":"k"}')).status).toBe(201);
    const path = (await send(server.url, 'GET', '/gateways/..%2f..%2fetc/', '')).status;
    expect(path).toBe(400);
    const inBody = await send(server.url, 'PUT', '/gateways/g-0123456789', '{"gatewayIdentifier":"other"}');
    expect(inBody.body).toContain('Member travels in the path, not in the body');
    expect((await send(server.url, 'GET', '/gateways', '')).status).toBe(200);
    expect((await send(server.url, 'DELETE', '/gateways/g-0123456789', '{}')).status).toBe(404);
    expect((await send(server.url, 'DELETE', '/gateways/g-0123456789', '{"x":1}')).status).toBe(400);
  });

  it('are refused when stale', async () => {
    const { server } = await bench();
    const stale = await send(server.url, 'GET', '/gateways', '', Date.now() - 6 * 60_000);
    expect([stale.status, stale.error]).toEqual([403, 'AccessDeniedException']);
    expect(stale.body).toContain('Signature expired: ');
    const early = await send(server.url, 'GET', '/gateways', '', Date.now() + 6 * 60_000);
    expect(early.body).toContain('Signature not yet current: ');
  });

  it('of a failing store get an id, not the reason', async () => {
    const { server, store } = await bench();
    await store.close();
    const answer = await send(server.url, 'GET', '/gateways', '');
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(answer.error).toBe('InternalServerException');
    closing.splice(0, 1);
  });
});

// The official clients of both generations connect from the URL of a gateway alone: the refusal, the two documents, a
// registration, the user's consent, a token, a call. Nothing is told to them beforehand.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client';
import type { OAuthClientProvider as ProviderV2 } from '@modelcontextprotocol/client';
import type { OAuthClientProvider as ProviderV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestGateway } from './support/app.ts';
import { openBrowser } from './support/browser.ts';
import { createApplication, openAuthorizedApp, signInAndAllow } from './support/oauth-client.ts';
import type { AuthorizedApp } from './support/oauth-client.ts';
import { describeApi, openUpstream } from './support/upstream.ts';
import type { Upstream } from './support/upstream.ts';

let app: AuthorizedApp;
let upstream: Upstream;
let gateway: TestGateway;
let other: TestGateway;

beforeAll(async () => {
  upstream = await openUpstream();
  // Nothing local is allowed but the upstream: the keys of the house's own server need no way out.
  app = await openAuthorizedApp();
  const targets = { api: describeApi(upstream.url, { hello: {} }) };
  gateway = await app.guarded({ targets });
  other = await app.guarded({ targets }, { allowedScopes: ['read'] });
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});

interface Generation {
  readonly name: string;
  open(
    url: string,
    application: ReturnType<typeof createApplication>,
  ): {
    connect(): Promise<void>;
    finish(callback: URLSearchParams): Promise<void>;
    call(): Promise<unknown>;
    close(): Promise<void>;
  };
}

const GENERATIONS: readonly Generation[] = [
  {
    name: 'v1',
    open(url, { provider }) {
      const client = new ClientV1({ name: 'test', version: '1' });
      const transport = new TransportV1(new URL(url), { authProvider: provider as unknown as ProviderV1 });
      return {
        connect: () => client.connect(transport),
        finish: (callback) => transport.finishAuth(callback.get('code') ?? ''),
        call: () => client.callTool({ name: 'api___hello', arguments: {} }),
        close: () => client.close(),
      };
    },
  },
  {
    name: 'v2',
    open(url, { provider }) {
      const client = new ClientV2({ name: 'test', version: '1' });
      const transport = new TransportV2(new URL(url), { authProvider: provider as unknown as ProviderV2 });
      return {
        connect: () => client.connect(transport),
        finish: (callback) => transport.finishAuth(callback),
        call: () => client.callTool({ name: 'api___hello', arguments: {} }),
        close: () => client.close(),
      };
    },
  },
];

describe.each(GENERATIONS)('the official client $name', (generation) => {
  test.each([
    ['without scopes', () => gateway, 'mcp'],
    ['with a scope', () => other, 'mcp read'],
  ] as const)('connects to a gateway %s', async (_name, of, scope) => {
    const application = createApplication();
    const first = generation.open(of().url, application);
    await expect(first.connect()).rejects.toThrow(/unauthorized/i);
    const { sentTo } = application.memory;
    expect(sentTo?.href).toContain(`${app.issuer}/auth?`);
    const page = await signInAndAllow(String(sentTo), openBrowser(app.publicUrl));
    const callback = new URL(page.url).searchParams;
    expect(callback.get('iss')).toBe(app.issuer);
    expect(callback.get('state')).toBe(application.memory.state);
    await first.finish(callback);
    const second = generation.open(of().url, application);
    await second.connect();
    expect(await second.call()).toMatchObject({ content: [{ type: 'text' }] });
    const { access_token: token } = application.memory.tokens as { access_token: string };
    expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'at+jwt', alg: 'RS256' });
    expect(decodeJwt(token)).toMatchObject({
      iss: app.issuer,
      aud: of().url,
      scope,
      username: 'alice',
      client_id: (application.memory.client as { client_id: string }).client_id,
    });
    await second.close();
    await first.close();
  });

  test('refreshes by itself, and its token opens no other gateway', async () => {
    const application = createApplication();
    const first = generation.open(gateway.url, application);
    await expect(first.connect()).rejects.toThrow(/unauthorized/i);
    const page = await signInAndAllow(String(application.memory.sentTo), openBrowser(app.publicUrl));
    await first.finish(new URL(page.url).searchParams);
    const before = application.memory.tokens as { access_token: string; refresh_token: string };
    const refused = await fetch(other.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${before.access_token}`, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(refused.status).toBe(401);
    application.memory.tokens = { ...before, access_token: 'gone' };
    const second = generation.open(gateway.url, application);
    await second.connect();
    expect(await second.call()).toMatchObject({ content: [{ type: 'text' }] });
    const after = application.memory.tokens as { access_token: string; refresh_token: string };
    expect(after.refresh_token).not.toBe(before.refresh_token);
    expect(application.memory.sentTo).toBeDefined();
    await second.close();
    await first.close();
  });
});

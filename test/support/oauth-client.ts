// OAuth clients for the tests: what the SDKs ask of an application (it keeps everything in memory), the person at the
// browser, and requests by hand.

import { createHash, randomBytes } from 'node:crypto';
import { openTestApp } from './app.ts';
import type { GatewayWish, TestApp, TestGateway } from './app.ts';
import { openBrowser } from './browser.ts';
import type { Browser, BrowserPage } from './browser.ts';
import type { Config } from '../../src/config.ts';
import type { JsonObject } from '../../src/core/json.ts';

export const USER = { userName: 'Alice', password: 'correct horse battery' };
export const CALLBACK = 'http://127.0.0.1:33418/callback';

export interface AuthorizedApp extends TestApp {
  readonly publicUrl: string;
  readonly issuer: string;
  /** A gateway whose callers need a token of this house's own server, for itself. */
  guarded(wish: GatewayWish, jwt?: JsonObject): Promise<TestGateway>;
}

/** The product with its authorization server on and one user. */
export async function openAuthorizedApp(
  change: Partial<Config> = {},
  open?: Parameters<typeof openTestApp>[1],
): Promise<AuthorizedApp> {
  const test = await openTestApp({ authorizationServer: { mode: 'local' }, ...change }, open);
  await test.app.control.invoke('CreateLocalUser', USER);
  const issuer = `${test.app.publicUrl}/oauth`;
  return {
    ...test,
    publicUrl: test.app.publicUrl,
    issuer,
    async guarded(wish, jwt = {}) {
      const discoveryUrl = `${issuer}/.well-known/openid-configuration`;
      const gateway = await test.gateway({
        ...wish,
        jwt: { discoveryUrl, allowedAudience: ['none'], ...jwt },
      });
      const { name, roleArn } = await test.app.control.invoke('GetGateway', {
        gatewayIdentifier: gateway.id,
      });
      await test.app.control.invoke('UpdateGateway', {
        gatewayIdentifier: gateway.id,
        name,
        roleArn,
        protocolType: 'MCP',
        authorizerType: 'CUSTOM_JWT',
        authorizerConfiguration: {
          customJWTAuthorizer: { discoveryUrl, allowedAudience: [gateway.url], ...jwt },
        },
      });
      await test.app.control.settled();
      return gateway;
    },
  };
}

/** What an application does for the SDKs' OAuth clients, of both generations. */
export function createApplication(metadata: Readonly<Record<string, unknown>> = {}, documentUrl?: string) {
  const memory: { client?: unknown; tokens?: unknown; verifier?: string; sentTo?: URL; state?: string } = {};
  const provider = {
    get redirectUrl() {
      return CALLBACK;
    },
    get clientMetadata() {
      return {
        client_name: 'Test application',
        redirect_uris: [CALLBACK],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        ...metadata,
      };
    },
    ...(documentUrl === undefined ? {} : { clientMetadataUrl: documentUrl }),
    state: () => (memory.state = randomBytes(16).toString('hex')),
    clientInformation: () => memory.client,
    saveClientInformation: (client: unknown) => void (memory.client = client),
    tokens: () => memory.tokens,
    saveTokens: (tokens: unknown) => void (memory.tokens = tokens),
    redirectToAuthorization: (url: URL) => void (memory.sentTo = url),
    saveCodeVerifier: (verifier: string) => void (memory.verifier = verifier),
    codeVerifier: () => memory.verifier ?? '',
  };
  return { memory, provider };
}

/** Signs in and allows; gives the page that the browser ends at. */
export async function signInAndAllow(
  url: string,
  browser: Browser,
  user: typeof USER = USER,
): Promise<BrowserPage> {
  let page = await browser.open(url);
  if (page.body.includes('name="password"'))
    page = await browser.submit(page, {
      username: user.userName,
      password: user.password,
      decision: 'sign-in',
    });
  if (page.body.includes('value="allow"')) page = await browser.submit(page, { decision: 'allow' });
  return page;
}

export interface Authorization {
  readonly verifier: string;
  readonly url: string;
}

/** An authorization request by hand; `undefined` leaves a parameter out. */
export function authorizationRequest(
  issuer: string,
  parameters: Readonly<Record<string, string | undefined>>,
): Authorization {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL(`${issuer}/auth`);
  const all = {
    response_type: 'code',
    redirect_uri: CALLBACK,
    state: 'state-1',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...parameters,
  };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
  return { verifier, url: url.href };
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** Registers a client by hand. */
export async function register(issuer: string, metadata: unknown): Promise<JsonAnswer> {
  return answerOf(
    await fetch(`${issuer}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(metadata),
    }),
  );
}

/** A public client, registered. */
export async function registerPublic(issuer: string, metadata: object = {}): Promise<string> {
  const { body } = await register(issuer, {
    client_name: 'By hand',
    redirect_uris: [CALLBACK],
    token_endpoint_auth_method: 'none',
    ...metadata,
  });
  return String(body['client_id']);
}

/** A request to the token endpoint, or to another one that takes forms. */
export async function postForm(
  url: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<JsonAnswer> {
  return answerOf(await fetch(url, { method: 'POST', body: new URLSearchParams(fields), headers }));
}

/** From nothing to tokens, by hand. */
export async function obtainTokens(
  issuer: string,
  clientId: string,
  resource: string,
  browser = openBrowser(new URL(issuer).origin),
): Promise<JsonAnswer> {
  const { verifier, url } = authorizationRequest(issuer, { client_id: clientId, resource });
  const end = new URL((await signInAndAllow(url, browser)).url);
  return postForm(`${issuer}/token`, {
    grant_type: 'authorization_code',
    code: end.searchParams.get('code') ?? '',
    redirect_uri: CALLBACK,
    client_id: clientId,
    code_verifier: verifier,
    resource,
  });
}

async function answerOf(response: Response): Promise<JsonAnswer> {
  const text = await response.text();
  let body: Record<string, unknown> = {};
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    body = { text };
  }
  return { status: response.status, headers: response.headers, body };
}

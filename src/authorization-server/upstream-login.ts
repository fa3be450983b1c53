// Signing in at the provider a company already has (OpenID Connect), for clients that could not register there. What
// stands between the two: the user has allowed the client here first, the state is used once and only by the browser it
// was given to, and of what the provider says only issuer and subject make the account.

import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import * as oauth from 'oauth4webapi';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import { GatewayError } from '../core/errors.ts';
import type { Egress } from '../core/outbound.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { AuthorizationAudit } from './authorization-audit.ts';
import { cookieOf } from './browser-form.ts';

const STATE_S = 600;
const ACCOUNT_S = 400 * 24 * 3_600;
const FETCH = Object.freeze({ timeoutMs: 5_000, maxResponseBytes: 256 * 1024 });
const METADATA_FRESH_MS = 10 * 60_000;

export interface UpstreamSettings {
  readonly discoveryUrl: string;
  readonly clientId: string;
  readonly clientSecret?: Secret;
  readonly scopes: string;
}

export interface UpstreamServices {
  readonly settings: UpstreamSettings;
  readonly issuer: string;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly trail: Pick<AuthorizationAudit, 'redeem'>;
  readonly states: Adapter;
  readonly arrivals: Adapter;
  readonly accounts: Adapter;
}

export interface UpstreamAccount {
  readonly accountId: string;
  readonly issuer: string;
  readonly subject: string;
  readonly name?: string;
}

export interface UpstreamLogin {
  /** Where the user will be sent, for people to read. */
  host(): Promise<string>;
  /** A way to the provider for an interaction that the user has allowed. */
  begin(
    uid: string,
    request: IncomingMessage,
  ): Promise<{ location: string; headers: Record<string, string> }>;
  /**
   * Takes what the provider sends back; gives the interaction it belongs to, and the account where somebody has signed in.
   * @throws GatewayError Unauthenticated
   */
  callback(
    request: IncomingMessage,
  ): Promise<{ readonly uid: string; readonly accountId: string | undefined }>;
  /** Who came back for an interaction in this browser; known once only. */
  arrival(uid: string, request: IncomingMessage): Promise<UpstreamAccount | 'denied' | undefined>;
  account(accountId: string): Promise<UpstreamAccount | undefined>;
}

/** The way to one provider and back. */
export function createUpstreamLogin(services: UpstreamServices): UpstreamLogin {
  const { settings, issuer, egress, clock, states, arrivals, accounts } = services;
  const redirectUri = `${issuer}/callback`;
  const isHttps = issuer.startsWith('https:');
  const cookieName = `${isHttps ? '__Host-' : ''}gatewright-sign-in`;
  const client: oauth.Client = { client_id: settings.clientId };
  const options = {
    [oauth.customFetch]: fetchThrough(egress),
    [oauth.allowInsecureRequests]: settings.discoveryUrl.startsWith('http:'),
  };
  let metadata: { readonly server: oauth.AuthorizationServer; readonly until: number } | undefined;

  async function server(): Promise<oauth.AuthorizationServer> {
    if (metadata && metadata.until > clock.monotonic()) return metadata.server;
    const expected = new URL(settings.discoveryUrl.replace(/\/\.well-known\/openid-configuration$/, ''));
    const found = await oauth.processDiscoveryResponse(
      expected,
      await oauth.discoveryRequest(expected, { ...options, algorithm: 'oidc' }),
    );
    metadata = { server: found, until: clock.monotonic() + METADATA_FRESH_MS };
    return found;
  }

  function browserOf(request: IncomingMessage): string | undefined {
    const value = cookieOf(request, cookieName);
    return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
  }

  async function redeem(
    authorizationServer: oauth.AuthorizationServer,
    parameters: URLSearchParams,
    state: AdapterPayload,
  ): Promise<UpstreamAccount> {
    const ask = (): Promise<Response> =>
      oauth.authorizationCodeGrantRequest(
        authorizationServer,
        client,
        authenticationFor(authorizationServer, settings.clientSecret),
        parameters,
        redirectUri,
        String(state['verifier']),
        options,
      );
    const answer = await services.trail.redeem(settings.clientId, authorizationServer.token_endpoint, ask);
    const tokens = await oauth.processAuthorizationCodeResponse(authorizationServer, client, answer, {
      expectedNonce: String(state['nonce']),
      requireIdToken: true,
    });
    await oauth.validateApplicationLevelSignature(authorizationServer, answer, options);
    const claims = oauth.getValidatedIdTokenClaims(tokens);
    if (!claims) throw new GatewayError('Unauthenticated', 'The provider gave no ID token.');
    const name = [claims['preferred_username'], claims['email'], claims['name']].find(
      (value) => typeof value === 'string',
    );
    return {
      accountId: createHash('sha256')
        .update(JSON.stringify([claims.iss, claims.sub]))
        .digest('base64url'),
      issuer: claims.iss,
      subject: claims.sub,
      ...(typeof name === 'string' ? { name } : {}),
    };
  }

  return Object.freeze({
    async host() {
      const { authorization_endpoint: endpoint } = await server();
      return new URL(endpoint ?? settings.discoveryUrl).host;
    },
    async begin(uid: string, request: IncomingMessage) {
      const { authorization_endpoint: endpoint } = await server();
      if (endpoint === undefined)
        throw new GatewayError('Unavailable', 'The provider names no authorization endpoint.');
      const browser = browserOf(request) ?? randomBytes(32).toString('base64url');
      const state = randomBytes(32).toString('base64url');
      const nonce = oauth.generateRandomNonce();
      const verifier = oauth.generateRandomCodeVerifier();
      await states.upsert(state, { uid, browser: digest(browser), nonce, verifier }, STATE_S);
      const location = new URL(endpoint);
      const parameters = {
        client_id: settings.clientId,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: settings.scopes,
        state,
        nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      };
      for (const [name, value] of Object.entries(parameters)) location.searchParams.set(name, value);
      const attributes = `Path=/; Max-Age=${STATE_S}; HttpOnly; SameSite=Lax${isHttps ? '; Secure' : ''}`;
      return {
        location: location.href,
        headers: { 'set-cookie': `${cookieName}=${browser}; ${attributes}` },
      };
    },
    async callback(request: IncomingMessage) {
      const url = new URL(request.url ?? '/', issuer);
      const value = url.searchParams.get('state') ?? '';
      const state = await states.find(value);
      const browser = browserOf(request);
      if (!state || browser === undefined || state['browser'] !== digest(browser))
        throw new GatewayError('Unauthenticated', 'The state is unknown, used, or of another browser.');
      // Used from now on, whatever comes of it. @throws when somebody else was quicker
      await states.consume(value);
      if (state['consumed'] !== undefined)
        throw new GatewayError('Unauthenticated', 'The state was used before.');
      const uid = String(state.uid);
      const authorizationServer = await server();
      let outcome: AdapterPayload = { denied: true };
      try {
        const parameters = oauth.validateAuthResponse(authorizationServer, client, url, value);
        const account = await redeem(authorizationServer, parameters, state);
        await accounts.upsert(account.accountId, { ...account }, ACCOUNT_S);
        outcome = { ...account };
      } catch (thrown) {
        if (!(thrown instanceof oauth.AuthorizationResponseError)) throw thrown;
      }
      await arrivals.upsert(uid, { ...outcome, browser: digest(browser) }, STATE_S);
      return { uid, accountId: outcome.accountId };
    },
    async arrival(uid: string, request: IncomingMessage) {
      const browser = browserOf(request);
      const found = browser === undefined ? undefined : await arrivals.find(uid);
      if (!found || browser === undefined || found['browser'] !== digest(browser)) return undefined;
      await arrivals.destroy(uid);
      if (found['denied'] === true) return 'denied' as const;
      return toAccount(found);
    },
    async account(accountId: string) {
      const found = await accounts.find(accountId);
      return found && toAccount(found);
    },
  });
}

/** As the provider says it wants it; in the form where it says nothing or takes both. */
function authenticationFor(
  { token_endpoint_auth_methods_supported: methods }: oauth.AuthorizationServer,
  secret: Secret | undefined,
): oauth.ClientAuth {
  if (!secret) return oauth.None();
  return methods?.includes('client_secret_basic') === true && !methods.includes('client_secret_post')
    ? oauth.ClientSecretBasic(secret.reveal())
    : oauth.ClientSecretPost(secret.reveal());
}

function toAccount({ accountId, issuer, subject, name }: AdapterPayload): UpstreamAccount {
  return {
    accountId: String(accountId),
    issuer: String(issuer),
    subject: String(subject),
    ...(typeof name === 'string' ? { name } : {}),
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** `fetch` for the package, through the egress door. */
function fetchThrough(egress: Egress) {
  return async (
    url: string,
    { method, headers, body }: { method: string; headers: Record<string, string>; body?: unknown },
  ): Promise<Response> => {
    const text = body instanceof URLSearchParams ? body.toString() : undefined;
    const answer = await egress.request(
      { method, url: new URL(url), headers, ...(text === undefined ? {} : { body: text }) },
      FETCH,
    );
    return new Response(new Uint8Array(answer.body), {
      status: answer.status,
      headers: { ...answer.headers },
    });
  };
}

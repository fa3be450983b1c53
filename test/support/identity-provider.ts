// A real OpenID provider (the package oidc-provider) on a free port, with everything outbound OAuth needs: consent by
// code with PKCE, client credentials, refresh with rotation and reuse detection, token exchange and JWT bearer. It can
// be made to fail and to lie, and it remembers what reached it.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';
import { Provider } from './oidc-provider.ts';

export type ProviderMode =
  | 'ok'
  /** Connections are taken and never answered. */
  | 'hang'
  | 'error'
  | 'html'
  | 'huge'
  | 'redirect'
  /** Metadata names another issuer. */
  | 'wrong-issuer'
  /** Metadata takes no S256. */
  | 'plain-only'
  /** Metadata sends the secret to somewhere unencrypted. */
  | 'http-endpoints'
  /** The callback names another issuer, or none although it was promised. */
  | 'foreign-iss'
  | 'no-iss'
  /** Grants give more than was asked for. */
  | 'wide-scope'
  /** An exchange that gives something else. */
  | 'id-token-exchange'
  /** Errors repeat what they were sent. */
  | 'repeats';

export interface TokenRequest {
  readonly grant: string;
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
  readonly status: number;
}

/** An answer that is on its way. */
export interface HeldAnswer {
  /** The tokens in it, as soon as it is made. */
  readonly made: Promise<{ readonly accessToken: string; readonly refreshToken: string }>;
  release(): void;
}

export interface IdentityProvider {
  readonly url: string;
  readonly discoveryUrl: string;
  mode: ProviderMode;
  /** Callback addresses that are registered. */
  readonly redirectUris: Set<string>;
  /** Seconds that access tokens live from now on. */
  accessTokenSeconds: number;
  /** Requests to the token endpoint, with what they ended with. */
  readonly tokenRequests: TokenRequest[];
  readonly revoked: string[];
  /** How many requests of a grant there were. */
  count(grant: string): number;
  /** The user behind an access token, or the client for its own. */
  ownerOf(accessToken: string): Promise<string | undefined>;
  /** The server forgets an access token. */
  forget(accessToken: string): Promise<void>;
  /** Every grant of the users ends. */
  endGrants(): Promise<void>;
  /** The next answer of the token endpoint is made, but does not leave until it is let go. */
  holdTokenAnswer(): HeldAnswer;
  close(): Promise<void>;
}

export interface IdentityProviderOptions {
  /** For `private_key_jwt`. */
  readonly clientJwk?: JWK;
}

export const CLIENT_ID = 'gateway-client';
export const CLIENT_SECRET = 'client-secret-Zk3x/Q+9%';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
const SCOPES = ['openid', 'offline_access', 'read', 'write', 'actor'];

/** Opens the provider. */
export async function openIdentityProvider(options: IdentityProviderOptions = {}): Promise<IdentityProvider> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const tokenRequests: TokenRequest[] = [];
  const revoked: string[] = [];
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const self: IdentityProvider = {
    url,
    discoveryUrl: `${url}/.well-known/openid-configuration`,
    mode: 'ok',
    redirectUris: new Set(),
    accessTokenSeconds: 3600,
    tokenRequests,
    revoked,
    count: (grant) => tokenRequests.filter((request) => request.grant === grant).length,
    async ownerOf(accessToken) {
      const found =
        (await provider.AccessToken.find(accessToken)) ??
        (await provider.ClientCredentials.find(accessToken));
      return found?.accountId ?? found?.clientId;
    },
    async forget(accessToken) {
      const found =
        (await provider.AccessToken.find(accessToken)) ??
        (await provider.ClientCredentials.find(accessToken));
      await found?.destroy();
    },
    async endGrants() {
      for (const grantId of grants) await (await provider.Grant.find(grantId))?.destroy();
    },
    holdTokenAnswer() {
      const made = Promise.withResolvers<{ accessToken: string; refreshToken: string }>();
      const released = Promise.withResolvers<void>();
      holds.push((response) => {
        const end = response.end.bind(response);
        response.end = ((body: unknown) => {
          const { access_token: accessToken, refresh_token: refreshToken } = JSON.parse(
            String(body),
          ) as Record<string, string>;
          made.resolve({ accessToken: accessToken ?? '', refreshToken: refreshToken ?? '' });
          void released.promise.then(() => end(body));
          return response;
        }) as typeof response.end;
      });
      return { made: made.promise, release: () => released.resolve() };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const grants = new Set<string>();
  const holds: ((response: ServerResponse) => void)[] = [];
  const allGrants = ['authorization_code', 'refresh_token', 'client_credentials', TOKEN_EXCHANGE, JWT_BEARER];
  const client = (more: object): object => ({
    redirect_uris: ['https://gateway.example/identities/callback/registered-later'],
    grant_types: allGrants,
    response_types: ['code'],
    scope: SCOPES.join(' '),
    ...more,
  });
  const provider = new Provider(url, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'sig', alg: 'RS256', use: 'sig' }] },
    clients: [
      client({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET }),
      client({
        client_id: 'post-client',
        client_secret: CLIENT_SECRET,
        token_endpoint_auth_method: 'client_secret_post',
      }),
      client({
        client_id: 'public-client',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
      }),
      ...(options.clientJwk
        ? [
            client({
              client_id: 'key-client',
              token_endpoint_auth_method: 'private_key_jwt',
              token_endpoint_auth_signing_alg: options.clientJwk.alg,
              jwks: { keys: [options.clientJwk] },
            }),
          ]
        : []),
    ],
    scopes: SCOPES,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    ttl: {
      AccessToken: () => self.accessTokenSeconds,
      ClientCredentials: () => self.accessTokenSeconds,
      RefreshToken: () => 86_400,
      AuthorizationCode: () => 600,
      Grant: () => 86_400,
      Interaction: () => 600,
      Session: () => 86_400,
    },
    cookies: { keys: ['test'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    features: {
      clientCredentials: { enabled: true },
      revocation: { enabled: true, allowedPolicy: () => true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: SCOPES.join(' '),
          accessTokenFormat: 'opaque',
          accessTokenTTL: self.accessTokenSeconds,
        }),
      },
    },
    findAccount: (_ctx: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  provider.on('grant.success', (ctx) => {
    const grantId = ctx.oidc?.entities?.Grant?.jti;
    if (grantId !== undefined) grants.add(grantId);
  });
  const issueFor = async (ctx: KoaContext, subject: string): Promise<string> => {
    const token = new provider.ClientCredentials({
      client: ctx.oidc.client,
      scope: String(ctx.oidc.params['scope'] ?? ''),
      extra: { sub: subject },
    });
    return token.save();
  };
  const subjectOf = (jwt: unknown): string => {
    const claims: unknown = JSON.parse(Buffer.from(String(jwt).split('.')[1] ?? '', 'base64url').toString());
    return String((claims as Record<string, unknown>)['sub']);
  };
  provider.registerGrantType(
    TOKEN_EXCHANGE,
    async (ctx: KoaContext) => {
      const { subject_token: subject, actor_token: actor, scope } = ctx.oidc.params;
      const accessToken = await issueFor(ctx, `${subjectOf(subject)}${actor === undefined ? '' : '+actor'}`);
      ctx.body = {
        access_token: accessToken,
        issued_token_type:
          self.mode === 'id-token-exchange' ? 'urn:ietf:params:oauth:token-type:id_token' : ACCESS_TOKEN_TYPE,
        token_type: 'Bearer',
        expires_in: self.accessTokenSeconds,
        ...(self.mode === 'wide-scope' ? { scope: `${String(scope)} admin` } : {}),
      };
    },
    [
      'subject_token',
      'subject_token_type',
      'actor_token',
      'actor_token_type',
      'audience',
      'scope',
      'resource',
    ],
  );
  provider.registerGrantType(
    JWT_BEARER,
    async (ctx: KoaContext) => {
      const { assertion, requested_token_use: use } = ctx.oidc.params;
      ctx.body = {
        access_token: await issueFor(ctx, `${subjectOf(assertion)}${use === undefined ? '' : '+obo'}`),
        token_type: 'Bearer',
        expires_in: self.accessTokenSeconds,
      };
    },
    ['assertion', 'scope', 'requested_token_use', 'resource'],
  );
  provider.Client.prototype.redirectUriAllowed = (uri) => self.redirectUris.has(uri);
  const callback = provider.callback();
  handle = (request, response) => {
    if ((request.url ?? '').split('?', 1)[0] === '/token') holds.shift()?.(response);
    serve(request, response, self, callback);
  };
  return self;
}

interface KoaContext {
  readonly oidc: { readonly client: unknown; readonly params: Record<string, unknown> };
  body: unknown;
}

/** Misbehaves as told, else hands on; what comes to the token endpoint is written down. */
function serve(
  request: IncomingMessage,
  response: ServerResponse,
  self: IdentityProvider,
  next: (request: IncomingMessage, response: ServerResponse) => unknown,
): void {
  const path = (request.url ?? '').split('?', 1)[0];
  const isToken = path === '/token';
  const isMetadata = path === '/.well-known/openid-configuration';
  if (isToken || isMetadata) {
    if (self.mode === 'hang') return;
    if (self.mode === 'error') return void response.writeHead(500).end('{"error":"server_error"}');
    if (self.mode === 'html')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>');
    if (self.mode === 'redirect')
      return void response.writeHead(307, { location: `${self.url}/elsewhere` }).end();
    if (self.mode === 'huge')
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ access_token: 'x'.repeat(1024 * 1024), token_type: 'Bearer' }));
  }
  if (isMetadata && ['wrong-issuer', 'plain-only', 'http-endpoints'].includes(self.mode))
    return void response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        issuer: self.mode === 'wrong-issuer' ? 'https://elsewhere.example' : self.url,
        authorization_endpoint: `${self.url}/auth`,
        token_endpoint:
          self.mode === 'http-endpoints' ? 'http://elsewhere.example/token' : `${self.url}/token`,
        ...(self.mode === 'plain-only' ? { code_challenge_methods_supported: ['plain'] } : {}),
      }),
    );
  if (!isToken && path !== '/token/revocation') return void next(request, response);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (isToken && self.mode === 'repeats') {
      const description = `not with ${Buffer.concat(chunks).toString('utf8')}`;
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: 'invalid_request', error_description: description }));
      return;
    }
    const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
    if (!isToken) self.revoked.push(form.get('token') ?? '');
    else
      response.once('finish', () =>
        self.tokenRequests.push({
          grant: form.get('grant_type') ?? '',
          form,
          authorization: request.headers.authorization,
          status: response.statusCode,
        }),
      );
    // The package takes a body that was read before.
    Object.assign(request, { body: form.toString() });
    void next(request, response);
  });
}

/** The challenge that belongs to a verifier (RFC 7636 §4.2). */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

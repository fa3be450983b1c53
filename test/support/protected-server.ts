// An MCP server that wants tokens, built on the published server package, and the authorization server it names: a
// certified OpenID provider that registers clients by itself. Each tool says who called it, by the token alone.

import { createServer } from 'node:http';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import {
  OAuthError,
  OAuthErrorCode,
  Server,
  createMcpHandler,
  getOAuthProtectedResourceMetadataUrl,
  requireBearerAuth,
} from '@modelcontextprotocol/server';
import { exportJWK, generateKeyPair } from 'jose';
import { isJsonObject } from '../../src/core/json.ts';
import { Provider } from './oidc-provider.ts';

const SCOPES = ['mcp:read', 'mcp:write', 'mcp:admin'];

/** A token as its issuer knows it. */
interface Inspected {
  readonly subject: string;
  readonly scopes: string[];
  readonly audience: string;
  readonly expiresAt: number;
}

/** The authorization server. */
export interface ServerIssuer {
  readonly url: string;
  accessTokenSeconds: number;
  /** Bodies of registrations, in order. */
  readonly registrations: Record<string, unknown>[];
  /** Forms that came to the token endpoint, with the `Authorization` that came along. */
  readonly tokenRequests: { readonly form: URLSearchParams; readonly authorization: string | undefined }[];
  readonly authorizations: URLSearchParams[];
  inspect(token: string): Promise<Inspected | undefined>;
  /** Every access token that was shown to a server is forgotten. */
  forgetTokens(): void;
  close(): Promise<void>;
}

export interface ServerIssuerOptions {
  readonly registers?: boolean;
  readonly offersOffline?: boolean;
  readonly client?: { readonly id: string; readonly secret: string };
}

/** Opens an authorization server. */
export async function openServerIssuer(options: ServerIssuerOptions = {}): Promise<ServerIssuer> {
  const { registers = true, offersOffline = true, client } = options;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const { http, url } = await listen((request, response) => handle(request, response));
  const forgotten = new Set<string>();
  const seen = new Set<string>();
  const self: ServerIssuer = {
    url,
    accessTokenSeconds: 3_600,
    registrations: [],
    tokenRequests: [],
    authorizations: [],
    async inspect(token) {
      seen.add(token);
      if (forgotten.has(token)) return undefined;
      const found = ((await provider.AccessToken.find(token)) ??
        (await provider.ClientCredentials.find(token))) as StoredToken | undefined;
      if (!found || found.isExpired) return undefined;
      return {
        subject: found.accountId ?? found.clientId ?? '',
        scopes: (found.scope ?? '').split(' '),
        audience: found.aud ?? '',
        expiresAt: found.exp,
      };
    },
    forgetTokens: () => seen.forEach((token) => forgotten.add(token)),
    close: () => stop(http),
  };
  const lifetime = (): number => self.accessTokenSeconds;
  const provider = new Provider(url, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'sig', alg: 'RS256', use: 'sig' }] },
    clients: client
      ? [
          {
            client_id: client.id,
            client_secret: client.secret,
            redirect_uris: ['https://gateway.example/registered-later'],
            grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
            response_types: ['code'],
          },
        ]
      : [],
    scopes: offersOffline ? ['offline_access', ...SCOPES] : SCOPES,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: (_ctx: unknown, _client: unknown, code: { scopes: Set<string> }) =>
      code.scopes.has('offline_access'),
    ttl: {
      AccessToken: lifetime,
      ClientCredentials: lifetime,
      RefreshToken: () => 86_400,
      AuthorizationCode: () => 600,
      Grant: () => 86_400,
      Interaction: () => 600,
      Session: () => 86_400,
    },
    cookies: { keys: ['test'] },
    features: {
      clientCredentials: { enabled: true },
      registration: { enabled: registers },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => false,
        getResourceServerInfo: (_ctx: unknown, resource: string) => ({
          scope: SCOPES.join(' '),
          audience: resource,
          accessTokenFormat: 'opaque',
          accessTokenTTL: self.accessTokenSeconds,
        }),
      },
    },
    findAccount: (_ctx: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  if (client) provider.Client.prototype.redirectUriAllowed = () => true;
  const callback = provider.callback();
  handle = (request, response) => void record(request, self, () => callback(request, response));
  return self;
}

async function record(
  request: IncomingMessage,
  self: ServerIssuer,
  next: () => Promise<void>,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', self.url);
  if (pathname === '/auth') self.authorizations.push(searchParams);
  if (pathname !== '/reg' && pathname !== '/token') return next();
  const text = await readText(request);
  if (pathname === '/reg') {
    const body: unknown = JSON.parse(text);
    self.registrations.push(isJsonObject(body) ? body : {});
    Object.assign(request, { body });
  } else {
    const form = new URLSearchParams(text);
    self.tokenRequests.push({ form, authorization: request.headers.authorization });
    Object.assign(request, { body: text });
  }
  // The package takes a body that was read before.
  return next();
}

interface StoredToken {
  readonly accountId?: string;
  readonly clientId?: string;
  readonly scope?: string;
  readonly aud?: string;
  readonly exp: number;
  readonly isExpired: boolean;
}

/** The protected server. */
export interface ProtectedServer {
  readonly url: string;
  /** Which authorization server it names, and believes. */
  issuer: ServerIssuer;
  /** Requests, by method of the protocol or path, with the status they were answered with. */
  readonly requests: { readonly what: string; readonly status: number; readonly token: string | undefined }[];
  close(): Promise<void>;
}

/** Opens an MCP server with the tools `whoami` (`mcp:read`) and `write` (`mcp:write`). */
export async function openProtectedServer(issuer: ServerIssuer): Promise<ProtectedServer> {
  const mcp = createMcpHandler(({ authInfo }) => createTools(String(authInfo?.extra?.['subject'])));
  let answer: (request: Request) => Promise<Response> = () => Promise.resolve(new Response());
  const { http, url: origin } = await listen(getRequestListener((request) => answer(request)));
  const url = `${origin}/mcp`;
  const metadataUrl = getOAuthProtectedResourceMetadataUrl(new URL(url));
  const self: ProtectedServer = {
    url,
    issuer,
    requests: [],
    async close() {
      await mcp.close();
      await stop(http);
    },
  };
  const verifier = {
    async verifyAccessToken(token: string) {
      const found = await self.issuer.inspect(token);
      if (!found) throw new OAuthError(OAuthErrorCode.InvalidToken, 'unknown token');
      const { subject, scopes, audience, expiresAt } = found;
      return {
        token,
        clientId: 'client',
        scopes,
        expiresAt,
        resource: new URL(audience),
        extra: { subject },
      };
    },
  };
  const gate = (scope: string) =>
    requireBearerAuth({
      verifier,
      requiredScopes: [scope],
      resourceMetadataUrl: metadataUrl,
      expectedResource: new URL(url),
    });
  const byScope = { 'mcp:read': gate('mcp:read'), 'mcp:write': gate('mcp:write') };
  async function serve(request: Request): Promise<{ readonly what: string; readonly response: Response }> {
    const { pathname } = new URL(request.url);
    if (pathname === new URL(metadataUrl).pathname)
      return {
        what: 'metadata',
        response: Response.json({
          resource: url,
          authorization_servers: [self.issuer.url],
          scopes_supported: ['mcp:read'],
          bearer_methods_supported: ['header'],
        }),
      };
    if (pathname !== '/mcp') return { what: pathname, response: new Response(null, { status: 404 }) };
    const body: unknown = request.method === 'POST' ? await request.clone().json() : {};
    const message = isJsonObject(body) ? body : {};
    const name = isJsonObject(message['params']) ? message['params']['name'] : undefined;
    const what = String(name ?? message['method'] ?? request.method);
    const auth = await byScope[name === 'write' ? 'mcp:write' : 'mcp:read'](request);
    const response =
      auth instanceof Response ? auth : await mcp.fetch(request, { authInfo: auth, parsedBody: body });
    return { what, response };
  }
  answer = async (request) => {
    const { what, response } = await serve(request);
    const token = request.headers.get('authorization')?.replace('Bearer ', '');
    self.requests.push({ what, status: response.status, token });
    return response;
  };
  return self;
}

function createTools(subject: string): Server {
  const server = new Server({ name: 'protected', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler('tools/list', () => ({
    tools: ['whoami', 'write'].map((name) => ({ name, inputSchema: { type: 'object' as const } })),
  }));
  server.setRequestHandler('tools/call', ({ params }) => ({
    content: [{ type: 'text', text: `${params.name} as ${subject}` }],
  }));
  return server;
}

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<{ readonly http: HttpServer; readonly url: string }> {
  const http = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return { http, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

async function stop(http: HttpServer): Promise<void> {
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
}

async function readText(request: IncomingMessage): Promise<string> {
  let read = '';
  for await (const chunk of request.setEncoding('utf8')) read += String(chunk);
  return read;
}

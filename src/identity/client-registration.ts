// How the gateway becomes a client of an authorization server that nobody has told it about (MCP 2025-11-25, "Client
// Registration Approaches"): the client that the configuration names, else by the address of its metadata document, else
// by dynamic registration (RFC 7591). What it gets counts at this issuer alone.

import type { AuthorizationServer } from 'oauth4webapi';
import { GatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { ClientAuthentication } from '../core/oauth-provider.ts';
import type { Egress } from '../core/outbound.ts';
import { parseStrictJson } from '../core/strict-json.ts';
import { Secret } from '../lib/secret.ts';
import { TOKEN_REQUEST_MS } from './token-endpoint.ts';

const MAX_RESPONSE_BYTES = 64 * 1024;
/** RFC 6749 §2.2: visible ASCII, and not without end. */
const CLIENT_ID = /^[\x20-\x7e]{1,2048}$/;
const METHODS = ['client_secret_basic', 'client_secret_post', 'none'] as const;

/** What registering a client takes. */
export interface RegistrationWish {
  readonly server: AuthorizationServer;
  /** Shown by authorization servers to users. */
  readonly clientName: string;
  readonly redirectUri: string;
  /** Address of the client's metadata document, where there is one that servers can read. */
  readonly documentUrl?: string;
  readonly way: 'auto' | 'metadata-document' | 'dynamic';
}

/** The gateway as a client. */
export interface RegisteredClient {
  readonly source: 'metadata-document' | 'dynamic';
  readonly clientId: string;
  readonly secret?: Secret;
  readonly authentication: ClientAuthentication;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** The client's metadata (RFC 7591 §2), as both ways of registration have them. */
export function clientMetadata(wish: {
  readonly clientName: string;
  readonly redirectUri: string;
  readonly authentication: ClientAuthentication;
}): JsonObject {
  const { protocol } = new URL(wish.redirectUri);
  return {
    client_name: wish.clientName,
    redirect_uris: [wish.redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: wish.authentication,
    // OpenID Connect Registration §2: clients of type `web` have https addresses, loopback is for `native` ones.
    application_type: protocol === 'https:' ? 'web' : 'native',
  };
}

/** How a client with a secret proves itself, of the ways that a server has. @throws GatewayError CredentialUnavailable */
export function authenticationAt(
  { issuer, token_endpoint_auth_methods_supported: offered }: AuthorizationServer,
  hasSecret: boolean,
): ClientAuthentication {
  if (!hasSecret) return 'none';
  // RFC 8414 §2: what holds without a word.
  const found = METHODS.find((method) => (offered ?? ['client_secret_basic']).includes(method));
  if (found !== undefined) return found;
  throw impossible(issuer, 'takes clients in none of the ways that are possible here');
}

/** @throws GatewayError CredentialUnavailable with what the operator can do */
export async function register(wish: RegistrationWish, egress: Egress): Promise<RegisteredClient> {
  const { server, documentUrl, way } = wish;
  const canDocument = server['client_id_metadata_document_supported'] === true && documentUrl !== undefined;
  if (canDocument && way !== 'dynamic')
    return { source: 'metadata-document', clientId: documentUrl, authentication: 'none' };
  if (way !== 'metadata-document' && server.registration_endpoint !== undefined)
    return registerDynamically(wish, server.registration_endpoint, egress);
  throw impossible(
    server.issuer,
    `registers no clients by itself${way === 'auto' ? '' : ` by way of ${way}`}: register one there with the redirect address ${wish.redirectUri}, and give its clientId to the credential provider`,
  );
}

async function registerDynamically(
  wish: RegistrationWish,
  endpoint: string,
  egress: Egress,
): Promise<RegisteredClient> {
  const { server, clientName, redirectUri } = wish;
  const asked = authenticationAt(server, true);
  const answer = await egress.request(
    {
      method: 'POST',
      url: new URL(endpoint),
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'user-agent': 'gatewright',
      },
      body: JSON.stringify(clientMetadata({ clientName, redirectUri, authentication: asked })),
    },
    { timeoutMs: TOKEN_REQUEST_MS, maxResponseBytes: MAX_RESPONSE_BYTES },
  );
  const json = readBody(answer.body);
  if ((answer.status !== 201 && answer.status !== 200) || !json) {
    const error = typeof json?.['error'] === 'string' ? ` (${json['error'].slice(0, 100)})` : '';
    throw impossible(server.issuer, `refused to register a client: status ${answer.status}${error}`);
  }
  return readClient(json, asked, wish);
}

function readClient(
  json: JsonObject,
  asked: ClientAuthentication,
  { server, redirectUri }: RegistrationWish,
): RegisteredClient {
  const {
    client_id: clientId,
    client_secret: secret,
    token_endpoint_auth_method: given,
    redirect_uris: redirectUris,
    client_secret_expires_at: expiresAt,
  } = json;
  if (typeof clientId !== 'string' || !CLIENT_ID.test(clientId))
    throw impossible(server.issuer, 'answered a registration without a client_id that can be used');
  if (Array.isArray(redirectUris) && redirectUris.length > 0 && !redirectUris.includes(redirectUri))
    throw impossible(server.issuer, 'registered a client with other redirect addresses than were asked for');
  const hasSecret = typeof secret === 'string' && secret !== '';
  const authentication = METHODS.find((method) => method === (given ?? asked));
  if (authentication === undefined)
    throw impossible(
      server.issuer,
      'registered a client that proves itself in another way than was asked for',
    );
  if (authentication === 'none') return { source: 'dynamic', clientId, authentication };
  if (!hasSecret) {
    // A server that says nothing of the way and gives no secret has made a public client.
    if (given === undefined || given === null) return { source: 'dynamic', clientId, authentication: 'none' };
    throw impossible(server.issuer, 'registered a client with a secret, but did not give it');
  }
  return {
    source: 'dynamic',
    clientId,
    secret: new Secret(secret),
    authentication,
    ...(typeof expiresAt === 'number' && expiresAt > 0 ? { expiresAt: expiresAt * 1000 } : {}),
  };
}

function readBody(body: Buffer): JsonObject | undefined {
  try {
    const value = parseStrictJson(body, { maxDepth: 32 });
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function impossible(issuer: string, why: string): GatewayError {
  return new GatewayError(
    'CredentialUnavailable',
    'The gateway is no client of the authorization server of this target.',
    { internal: `the authorization server ${issuer} ${why}` },
  );
}

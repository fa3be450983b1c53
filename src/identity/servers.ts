// Authorization servers: from their metadata document (RFC 8414, OpenID Connect Discovery 1.0), or from endpoints as
// they were given. Documents are fresh for ten minutes and go on for a day when their server is down; one request at a
// time for each. The issuer has to be, byte by byte, what the address of the document says (RFC 8414 §3.3).

import type { AuthorizationServer } from 'oauth4webapi';
import type { Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { OauthProviderSettings, ServerLocation } from '../core/oauth-provider.ts';
import type { Egress } from '../core/outbound.ts';
import { parseStrictJson } from '../core/strict-json.ts';
import { endpointFault } from '../core/web-address.ts';
import type { Clock } from '../lib/clock.ts';
import { SingleFlight } from '../lib/single-flight.ts';

const FRESH_MS = 10 * 60_000;
const STALE_MS = 24 * 3_600_000;
const RETRY_AFTER_FAILURE_MS = 2_000;
const FETCH = Object.freeze({ timeoutMs: 5_000, maxResponseBytes: 256 * 1024 });
const SUFFIX = /\/\.well-known\/(?:openid-configuration|oauth-authorization-server)$/;
const KEPT_DOCUMENTS = 500;

export interface AuthorizationServers {
  /** @throws GatewayError CredentialUnavailable */
  find(settings: Pick<OauthProviderSettings, 'server'>): Promise<AuthorizationServer>;
}

interface Known {
  readonly server: AuthorizationServer;
  readonly fetchedAt: number;
}

/** Servers of one process. */
export function createAuthorizationServers(services: {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
}): AuthorizationServers {
  const { egress, clock, log } = services;
  const known = new Map<string, Known>();
  const failures = new Map<string, { readonly at: number; readonly fault: GatewayError }>();
  const flights = new SingleFlight<AuthorizationServer>();

  async function read(url: string): Promise<AuthorizationServer> {
    const failed = failures.get(url);
    if (failed && clock.monotonic() - failed.at < RETRY_AFTER_FAILURE_MS) throw failed.fault;
    try {
      const answer = await egress.request(
        {
          method: 'GET',
          url: new URL(url),
          headers: { accept: 'application/json', 'user-agent': 'gatewright' },
        },
        FETCH,
      );
      if (answer.status !== 200) throw unusable(url, `answered with status ${answer.status}`);
      const server = checkMetadata(url, parseDocument(url, answer.body));
      if (known.size >= KEPT_DOCUMENTS) known.clear();
      known.set(url, { server, fetchedAt: clock.monotonic() });
      failures.delete(url);
      return server;
    } catch (thrown) {
      const fault =
        thrown instanceof GatewayError && thrown.code === 'CredentialUnavailable'
          ? thrown
          : unusable(url, thrown instanceof Error ? thrown.message : String(thrown), thrown);
      failures.set(url, { at: clock.monotonic(), fault });
      log.warn(
        { discoveryUrl: url, reason: fault.details.internal, stale: known.has(url) },
        'the metadata of an authorization server could not be read',
      );
      throw fault;
    }
  }

  return Object.freeze({
    async find({ server }: { readonly server: ServerLocation }) {
      if (!('discoveryUrl' in server)) return fixedServer(server);
      const url = server.discoveryUrl;
      const last = known.get(url);
      const age = last ? clock.monotonic() - last.fetchedAt : Number.POSITIVE_INFINITY;
      if (last && age < FRESH_MS) return last.server;
      try {
        return await flights.run(url, () => read(url));
      } catch (thrown) {
        if (last && age < STALE_MS) return last.server;
        throw thrown;
      }
    },
  });
}

function fixedServer(server: Extract<ServerLocation, { issuer: string }>): AuthorizationServer {
  return {
    issuer: server.issuer,
    authorization_endpoint: server.authorizationEndpoint,
    token_endpoint: server.tokenEndpoint,
    ...(server.revocationEndpoint === undefined ? {} : { revocation_endpoint: server.revocationEndpoint }),
  };
}

function parseDocument(url: string, body: Buffer): JsonObject {
  let value: unknown;
  try {
    value = parseStrictJson(body);
  } catch {
    throw unusable(url, 'is not JSON');
  }
  if (!isJsonObject(value)) throw unusable(url, 'is not a JSON object');
  return value;
}

function checkMetadata(url: string, document: JsonObject): AuthorizationServer {
  const base = url.replace(SUFFIX, '');
  const { issuer } = document;
  // The one slash that OpenID Connect Discovery 1.0 §4.1 takes off before it appends the well-known part.
  if (typeof issuer !== 'string' || (issuer !== base && issuer !== `${base}/`))
    throw unusable(url, 'names another issuer than its own address');
  const server: AuthorizationServer = { issuer };
  for (const name of ['authorization_endpoint', 'token_endpoint', 'revocation_endpoint'] as const) {
    const address = document[name];
    if (address === undefined) continue;
    const fault = typeof address === 'string' ? endpointFault(address) : 'is not a text';
    if (typeof address !== 'string' || fault !== undefined)
      throw unusable(url, `has a ${name} that ${fault}`);
    Object.assign(server, { [name]: address });
  }
  if (server.token_endpoint === undefined) throw unusable(url, 'has no token_endpoint');
  const methods = document['code_challenge_methods_supported'];
  return {
    ...server,
    authorization_response_iss_parameter_supported:
      document['authorization_response_iss_parameter_supported'] === true,
    ...(Array.isArray(methods) ? { code_challenge_methods_supported: methods.map(String) } : {}),
  };
}

function unusable(url: string, why: string, cause?: unknown): GatewayError {
  return new GatewayError(
    'CredentialUnavailable',
    'The authorization server of this provider is not available.',
    {
      internal: `the metadata document at ${url} ${why}`,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

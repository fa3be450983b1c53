// Authorization servers: from their metadata document, or from endpoints as they were given. Documents are fresh for ten
// minutes and go on for a day when their server is down; one request at a time for each. What a document may say is
// server-metadata.ts's matter.

import type { AuthorizationServer } from 'oauth4webapi';
import type { Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import type { Figures } from '../core/figures.ts';
import type { OauthProviderSettings, ServerLocation } from '../core/oauth-provider.ts';
import type { Egress } from '../core/outbound.ts';
import type { Clock } from '../lib/clock.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import { issuerOfAddress, metadataAddresses, readMetadata, unusable } from './server-metadata.ts';

const FRESH_MS = 10 * 60_000;
const STALE_MS = 24 * 3_600_000;
const RETRY_AFTER_FAILURE_MS = 2_000;
const KEPT_DOCUMENTS = 500;
/** How metadata documents are read: redirects are not followed. */
export const FETCH_METADATA = Object.freeze({ timeoutMs: 5_000, maxResponseBytes: 256 * 1024 });
/** `details.reason` of a server that answers, but has no metadata in any of its places. */
export const NO_METADATA = 'no_metadata';

export interface AuthorizationServers {
  /** @throws GatewayError CredentialUnavailable; with reason `NO_METADATA` where an issuer publishes none */
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
  readonly figures?: Figures;
}): AuthorizationServers {
  const { egress, clock, log } = services;
  const known = new Map<string, Known>();
  const failures = new Map<string, { readonly at: number; readonly fault: GatewayError }>();
  const flights = new SingleFlight<AuthorizationServer>(
    services.figures?.flights('authorization_server_metadata'),
  );

  /** Undefined: there is no such document. */
  async function fetchDocument(url: string, mayBeAbsent: boolean): Promise<Buffer | undefined> {
    const answer = await egress.request(
      {
        method: 'GET',
        url: new URL(url),
        headers: { accept: 'application/json', 'user-agent': 'gatewright' },
      },
      FETCH_METADATA,
    );
    if (answer.status === 200) return answer.body;
    if (mayBeAbsent && answer.status >= 400 && answer.status < 500) return undefined;
    throw unusable(url, `answered with status ${answer.status}`);
  }

  async function readOne(url: string): Promise<AuthorizationServer> {
    const body = await fetchDocument(url, false);
    return readMetadata(url, issuerOfAddress(url), body ?? Buffer.alloc(0));
  }

  async function readOf(issuer: string): Promise<AuthorizationServer> {
    for (const url of metadataAddresses(issuer)) {
      const body = await fetchDocument(url, true);
      if (body) return readMetadata(url, issuer, body);
    }
    throw new GatewayError(
      'CredentialUnavailable',
      'The authorization server of this provider is not available.',
      { reason: NO_METADATA, internal: `the authorization server ${issuer} publishes no metadata` },
    );
  }

  async function read(key: string, work: () => Promise<AuthorizationServer>): Promise<AuthorizationServer> {
    const failed = failures.get(key);
    if (failed && clock.monotonic() - failed.at < RETRY_AFTER_FAILURE_MS) throw failed.fault;
    try {
      const server = await work();
      if (known.size >= KEPT_DOCUMENTS) known.clear();
      known.set(key, { server, fetchedAt: clock.monotonic() });
      failures.delete(key);
      return server;
    } catch (thrown) {
      const fault =
        thrown instanceof GatewayError && thrown.code === 'CredentialUnavailable'
          ? thrown
          : unusable(key, thrown instanceof Error ? thrown.message : String(thrown), thrown);
      if (failures.size >= KEPT_DOCUMENTS) failures.clear();
      failures.set(key, { at: clock.monotonic(), fault });
      log.warn(
        { discoveryUrl: key, reason: fault.details.internal, stale: known.has(key) },
        'the metadata of an authorization server could not be read',
      );
      throw fault;
    }
  }

  async function recall(key: string, work: () => Promise<AuthorizationServer>): Promise<AuthorizationServer> {
    const last = known.get(key);
    const age = last ? clock.monotonic() - last.fetchedAt : Number.POSITIVE_INFINITY;
    if (last && age < FRESH_MS) return last.server;
    try {
      return await flights.run(key, () => read(key, work));
    } catch (thrown) {
      if (last && age < STALE_MS) return last.server;
      throw thrown;
    }
  }

  return Object.freeze({
    async find({ server }: { readonly server: ServerLocation }) {
      if ('tokenEndpoint' in server) return fixedServer(server);
      if ('discoveryUrl' in server) {
        const url = server.discoveryUrl;
        return recall(url, () => readOne(url));
      }
      const issuer = server.metadataOf;
      return recall(`issuer ${issuer}`, () => readOf(issuer));
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

// What a protected server says of itself (RFC 9728; MCP 2025-11-25, "Authorization"): its identifier, its authorization
// servers, the scopes it wants. Asked without a credential, it answers with a challenge that names its metadata; else
// they lie in their usual places; a server that has none is one of MCP 2025-03-26, its own authorization server.

import { parseChallenges } from '../core/auth-challenge.ts';
import type { AuthChallenge } from '../core/auth-challenge.ts';
import type { Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import type { Figures } from '../core/figures.ts';
import type { Egress } from '../core/outbound.ts';
import { mayIdentify, metadataUrlOf } from '../core/protected-resource.ts';
import { META_CAPABILITIES, META_CLIENT_INFO, META_VERSION } from '../core/relay.ts';
import { SERVER_INFO } from '../core/server-info.ts';
import { endpointFault } from '../core/web-address.ts';
import type { Clock } from '../lib/clock.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import { parseScopes } from './scopes.ts';
import { parseDocument, textsOf } from './server-metadata.ts';
import { FETCH_METADATA } from './servers.ts';

const FRESH_MS = 10 * 60_000;
const STALE_MS = 24 * 3_600_000;
const RETRY_AFTER_FAILURE_MS = 2_000;
/** A refused token makes the metadata be read anew, but not with every call. */
const RENEW_PAUSE_MS = 30_000;
const KEPT = 500;
const MAX_ISSUERS = 10;
const PROBE_VERSION = '2026-07-28';
/** A request that has no effect, as every revision may have it refused or answered. */
const PROBE = JSON.stringify({
  jsonrpc: '2.0',
  id: 'who-protects-you',
  method: 'server/discover',
  params: {
    _meta: { [META_VERSION]: PROBE_VERSION, [META_CLIENT_INFO]: SERVER_INFO, [META_CAPABILITIES]: {} },
  },
});

/** What is known of a protected server. */
export interface ResourceMetadata {
  /** As published, letter by letter; absent where nothing is. */
  readonly identifier?: string;
  /** Its authorization servers, at least one. */
  readonly issuers: readonly string[];
  /** What a first token is asked for: of the challenge, else all that the metadata name. */
  readonly scopes: readonly string[];
  /** Tokens have to be bound to a key (RFC 9449). */
  readonly isProofWanted: boolean;
  /** No metadata: what it protects itself with is at its own origin (MCP 2025-03-26). */
  readonly isWithout: boolean;
}

export interface ResourceMetadataSource {
  /** @throws GatewayError CredentialUnavailable, with reason `UNREACHABLE` where the server could not be asked */
  find(server: string): Promise<ResourceMetadata>;
  /** The server has refused a token: what is known of it may be old. `challenge`: what it said then. */
  refused(server: string, challenge?: AuthChallenge): void;
}

/** `details.reason` of a server that could not be asked, so that what was known of it may still hold. */
export const UNREACHABLE = 'unreachable';

interface Known {
  readonly metadata: ResourceMetadata;
  readonly at: number;
  /** When a refused token has made it old; the same in what is read then. */
  readonly refusedAt?: number;
  readonly isOld?: boolean;
  readonly challenge?: AuthChallenge;
}

/** The metadata of one process's protected servers. */
export function createResourceMetadata(services: {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  readonly figures?: Figures;
}): ResourceMetadataSource {
  const { egress, clock, log } = services;
  const known = new Map<string, Known>();
  const failures = new Map<string, { readonly at: number; readonly fault: GatewayError }>();
  const flights = new SingleFlight<ResourceMetadata>(services.figures?.flights('resource_metadata'));

  async function read(server: string): Promise<ResourceMetadata> {
    const url = new URL(server);
    const challenge = known.get(server)?.challenge ?? (await askForChallenge(url));
    const wanted = {
      scopes: parseScopes(challenge?.parameters.get('scope')),
      isProofWanted: challenge?.scheme === 'dpop',
    };
    const named = challenge?.parameters.get('resource_metadata');
    if (named !== undefined) {
      const fault = endpointFault(named);
      if (fault !== undefined) throw refusal(server, `the address of its metadata ${fault}`);
      const body = await fetchDocument(named, false, server);
      return parse(url, named, body ?? Buffer.alloc(0), wanted);
    }
    for (const address of new Set([metadataUrlOf(url), metadataUrlOf(new URL(url.origin))])) {
      const body = await fetchDocument(address, true, server);
      if (body) return parse(url, address, body, wanted);
    }
    return { issuers: [url.origin], ...wanted, isWithout: true };
  }

  /** The challenge to a request without a credential, if there is one. */
  async function askForChallenge(url: URL): Promise<AuthChallenge | undefined> {
    const answer = await reached(url.href, () =>
      egress.stream(
        {
          method: 'POST',
          url,
          headers: {
            accept: 'application/json, text/event-stream',
            'content-type': 'application/json',
            'mcp-protocol-version': PROBE_VERSION,
            'mcp-method': 'server/discover',
            'user-agent': 'gatewright',
          },
          body: PROBE,
        },
        { headersTimeoutMs: FETCH_METADATA.timeoutMs },
      ),
    );
    answer.cancel();
    return answer.status === 401 ? challengeOf(answer.headers) : undefined;
  }

  /** Undefined: there is no such document. */
  async function fetchDocument(
    address: string,
    mayBeAbsent: boolean,
    server: string,
  ): Promise<Buffer | undefined> {
    const { status, body } = await reached(server, () =>
      egress.request(
        {
          method: 'GET',
          url: new URL(address),
          headers: { accept: 'application/json', 'user-agent': 'gatewright' },
        },
        FETCH_METADATA,
      ),
    );
    if (status === 200) return body;
    if (mayBeAbsent && status >= 400 && status < 500) return undefined;
    const reason = status >= 500 ? UNREACHABLE : undefined;
    throw refusal(server, `the metadata at ${address} answered with status ${status}`, reason);
  }

  async function readAndKeep(server: string): Promise<ResourceMetadata> {
    const failed = failures.get(server);
    if (failed && clock.monotonic() - failed.at < RETRY_AFTER_FAILURE_MS) throw failed.fault;
    try {
      const refusedAt = known.get(server)?.refusedAt;
      const metadata = await read(server);
      if (known.size >= KEPT) known.clear();
      known.set(server, {
        metadata,
        at: clock.monotonic(),
        ...(refusedAt === undefined ? {} : { refusedAt }),
      });
      failures.delete(server);
      return metadata;
    } catch (thrown) {
      const fault =
        thrown instanceof GatewayError && thrown.code === 'CredentialUnavailable'
          ? thrown
          : refusal(server, thrown instanceof Error ? thrown.message : String(thrown));
      if (failures.size >= KEPT) failures.clear();
      failures.set(server, { at: clock.monotonic(), fault });
      log.warn(
        { server, reason: fault.details.internal },
        'what a protected server says of itself could not be read',
      );
      throw fault;
    }
  }

  return Object.freeze({
    async find(server: string) {
      const last = known.get(server);
      const age = last ? clock.monotonic() - last.at : Number.POSITIVE_INFINITY;
      if (last && last.isOld !== true && age < FRESH_MS) return last.metadata;
      try {
        return await flights.run(server, () => readAndKeep(server));
      } catch (thrown) {
        const isDown = thrown instanceof GatewayError && thrown.details.reason === UNREACHABLE;
        if (last && isDown && age < STALE_MS) return last.metadata;
        throw thrown;
      }
    },
    refused(server: string, challenge?: AuthChallenge) {
      const last = known.get(server);
      const now = clock.monotonic();
      if (!last || now - (last.refusedAt ?? Number.NEGATIVE_INFINITY) < RENEW_PAUSE_MS) return;
      known.set(server, { ...last, isOld: true, refusedAt: now, ...(challenge ? { challenge } : {}) });
    },
  });
}

/** The challenge that says most of a protected server. */
export function challengeOf(headers: Readonly<Record<string, string>>): AuthChallenge | undefined {
  const challenges = parseChallenges(headers['www-authenticate']);
  const of = (name: string): AuthChallenge | undefined => challenges.find(({ scheme }) => scheme === name);
  // A server that takes both is content with the simple one.
  const plain = of('bearer');
  return plain?.parameters.has('resource_metadata') === true
    ? plain
    : (challenges.find(({ parameters }) => parameters.has('resource_metadata')) ?? plain ?? of('dpop'));
}

function parse(
  server: URL,
  address: string,
  body: Buffer,
  wanted: Pick<ResourceMetadata, 'scopes' | 'isProofWanted'>,
): ResourceMetadata {
  const document = parseDocument(address, body);
  const identifier = document['resource'];
  if (typeof identifier !== 'string' || !mayIdentify(identifier, server, address))
    throw refusal(server.href, `the metadata at ${address} are those of another resource`);
  const issuers = (textsOf(document['authorization_servers']) ?? [])
    .filter((issuer) => endpointFault(issuer) === undefined && !issuer.includes('?'))
    .slice(0, MAX_ISSUERS);
  if (issuers.length === 0)
    throw refusal(server.href, `the metadata at ${address} name no authorization server that can be used`);
  const supported = parseScopes(textsOf(document['scopes_supported'])?.join(' '));
  return {
    identifier,
    issuers,
    scopes: wanted.scopes.length > 0 ? wanted.scopes : supported,
    isProofWanted: wanted.isProofWanted || document['dpop_bound_access_tokens_required'] === true,
    isWithout: false,
  };
}

async function reached<T>(server: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    const reason = ['UpstreamRefused', 'UpstreamTimeout'].includes(thrown.code) ? UNREACHABLE : undefined;
    throw refusal(server, thrown.message, reason, thrown);
  }
}

function refusal(server: string, why: string, reason?: string, cause?: unknown): GatewayError {
  return new GatewayError(
    'CredentialUnavailable',
    'How this server is protected could not be found out, so that no token can be had for it.',
    {
      internal: `the protected server ${server}: ${why}`,
      ...(reason === undefined ? {} : { reason }),
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

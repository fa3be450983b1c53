// Metadata documents of authorization servers (RFC 8414, OpenID Connect Discovery 1.0): where they can lie, and what is
// believed of one. The issuer has to be what its address says (RFC 8414 §3.3), and every address in it one that tokens
// and users may be sent to. Pure; nothing is fetched here.

import type { AuthorizationServer } from 'oauth4webapi';
import { GatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { parseStrictJson } from '../core/strict-json.ts';
import { endpointFault } from '../core/web-address.ts';

const SUFFIX = /\/\.well-known\/(?:openid-configuration|oauth-authorization-server)$/;
const OAUTH = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';
const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'revocation_endpoint',
  'registration_endpoint',
] as const;
const LISTS = [
  'code_challenge_methods_supported',
  'scopes_supported',
  'token_endpoint_auth_methods_supported',
  'grant_types_supported',
  'dpop_signing_alg_values_supported',
] as const;
const FLAGS = [
  'authorization_response_iss_parameter_supported',
  'client_id_metadata_document_supported',
] as const;
/** What a list of a document is read to, so that none fills the memory. */
const MAX_ENTRIES = 500;

/** Where the metadata of an issuer can lie, in the order of MCP 2025-11-25, "Authorization Server Metadata Discovery". */
export function metadataAddresses(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return path === ''
    ? [`${origin}${OAUTH}`, `${origin}${OPENID}`]
    : [`${origin}${OAUTH}${path}`, `${origin}${OPENID}${path}`, `${origin}${path}${OPENID}`];
}

/** The issuer that the address of a document in its usual place stands for. */
export function issuerOfAddress(url: string): string {
  return url.replace(SUFFIX, '');
}

/**
 * What is used of a document. @param issuer the one that its address was made from
 * @throws GatewayError CredentialUnavailable
 */
export function readMetadata(url: string, issuer: string, body: Uint8Array): AuthorizationServer {
  const document = parseDocument(url, body);
  const named = document['issuer'];
  // The one slash that is taken off before the well-known part is put in (RFC 8414 §3.1, OpenID Connect Discovery §4.1).
  if (typeof named !== 'string' || withoutSlash(named) !== withoutSlash(issuer))
    throw unusable(url, 'names another issuer than its own address');
  const endpoints: Partial<Record<(typeof ENDPOINTS)[number], string>> = {};
  for (const name of ENDPOINTS) {
    const address = document[name];
    if (address === undefined || address === null) continue;
    const fault = typeof address === 'string' ? endpointFault(address) : 'is not a text';
    if (typeof address !== 'string' || fault !== undefined)
      throw unusable(url, `has a ${name} that ${fault}`);
    endpoints[name] = address;
  }
  if (endpoints.token_endpoint === undefined) throw unusable(url, 'has no token_endpoint');
  const lists: Partial<Record<(typeof LISTS)[number], string[]>> = {};
  for (const name of LISTS) {
    const list = textsOf(document[name]);
    if (list) lists[name] = list;
  }
  const flags: Partial<Record<(typeof FLAGS)[number], boolean>> = {};
  for (const name of FLAGS) flags[name] = document[name] === true;
  return { issuer: named, ...endpoints, ...lists, ...flags };
}

/** The texts of a list; undefined for what is none. */
export function textsOf(value: JsonValue | undefined): string[] | undefined {
  return Array.isArray(value)
    ? value.slice(0, MAX_ENTRIES).filter((entry): entry is string => typeof entry === 'string')
    : undefined;
}

/** A JSON object. @throws GatewayError CredentialUnavailable */
export function parseDocument(url: string, body: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = parseStrictJson(body);
  } catch {
    throw unusable(url, 'is not JSON');
  }
  if (!isJsonObject(value)) throw unusable(url, 'is not a JSON object');
  return value;
}

/** A document that no token can be had with. */
export function unusable(url: string, why: string, cause?: unknown): GatewayError {
  return new GatewayError(
    'CredentialUnavailable',
    'The authorization server of this provider is not available.',
    {
      internal: `the metadata document at ${url} ${why}`,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function withoutSlash(issuer: string): string {
  return issuer.replace(/\/$/, '');
}

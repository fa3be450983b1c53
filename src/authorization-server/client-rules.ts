// What clients may say of themselves: dynamic registration (RFC 7591) and client ID metadata documents are both open to
// everybody, so only what is understood is kept, and redirect URIs must be exact, spelled in one way, and https or on the
// user's own machine (RFC 8252, RFC 9700 §2.1).

import { isJsonObject } from '../core/json.ts';

const MAX_REDIRECT_URIS = 10;
const MAX_URI_LENGTH = 2_000;
const MAX_NAME_LENGTH = 100;
const MAX_KEYS = 10;
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const GRANT_TYPES = ['authorization_code', 'refresh_token'];
const AUTH_METHODS: ReadonlySet<unknown> = new Set([
  undefined,
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
]);
/** All other members are dropped: what is not used cannot do harm. */
const KEPT: ReadonlySet<string> = new Set([
  'client_id',
  'client_id_issued_at',
  'client_secret',
  'client_secret_expires_at',
  'client_name',
  'client_uri',
  'redirect_uris',
  'grant_types',
  'response_types',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'jwks_uri',
]);

/** Ids of clients that registered themselves begin with this. */
export const REGISTERED_PREFIX = 'dcr-';
/** Ids of clients that an operator made: their metadata is our own. */
export const OPERATOR_PREFIX = 'client-';

/** Brings the metadata of a client into the form that is served here. @returns what is wrong with it, or undefined */
export function normalizeClient(metadata: Record<string, unknown>): string | undefined {
  const id = metadata['client_id'];
  if (typeof id === 'string' && id.startsWith(OPERATOR_PREFIX)) return undefined;
  for (const member of Object.keys(metadata)) if (!KEPT.has(member)) delete metadata[member];
  const uris = metadata['redirect_uris'];
  if (!Array.isArray(uris) || uris.length === 0) return 'redirect_uris must name at least one address';
  if (uris.length > MAX_REDIRECT_URIS) return `redirect_uris must not hold more than ${MAX_REDIRECT_URIS}`;
  for (const uri of uris) {
    const fault = redirectUriFault(uri);
    if (fault !== undefined) return `redirect_uris ${fault}`;
  }
  const name = metadata['client_name'];
  if (name !== undefined && (typeof name !== 'string' || name.length > MAX_NAME_LENGTH))
    return `client_name must be a text of at most ${MAX_NAME_LENGTH} characters`;
  const types = metadata['grant_types'] ?? GRANT_TYPES;
  if (!Array.isArray(types) || !types.includes('authorization_code'))
    return 'grant_types must hold authorization_code';
  metadata['grant_types'] = GRANT_TYPES.filter((type) => types.includes(type));
  metadata['response_types'] = ['code'];
  if (!AUTH_METHODS.has(metadata['token_endpoint_auth_method']))
    return 'token_endpoint_auth_method must be none, client_secret_basic, client_secret_post or private_key_jwt';
  const { jwks } = metadata;
  if (isJsonObject(jwks) && Array.isArray(jwks['keys']) && jwks['keys'].length > MAX_KEYS)
    return `jwks must not hold more than ${MAX_KEYS} keys`;
  // Programs on the user's machine listen on any port, and anybody's program can: consent is asked for each time.
  const isNative = uris.some((uri) => String(uri).startsWith('http:'));
  metadata['application_type'] = isNative ? 'native' : 'web';
  return undefined;
}

/** What is wrong with a redirect URI, or undefined. There is one spelling of each: that which URL parsers give back. */
export function redirectUriFault(uri: unknown): string | undefined {
  if (typeof uri !== 'string' || uri.length > MAX_URI_LENGTH) return 'must be texts of sensible length';
  if (!/^[\x21-\x7e]+$/.test(uri) || /[\\<>"`{}|^*]/.test(uri))
    return 'must not hold wildcards or characters that URLs do not have';
  if (!URL.canParse(uri)) return 'must be complete URLs';
  const url = new URL(uri);
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or a password';
  if (uri.includes('#')) return 'must not have a fragment';
  if (url.href !== uri && url.href !== `${uri}/`) return `must be spelled as ${url.href}`;
  if (url.protocol === 'https:' && url.hostname.endsWith('.')) return 'must not end the host with a dot';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname))) return undefined;
  return 'must be https; http is for loopback addresses only';
}

/** True for an address on the user's own machine, where any program may be listening. */
export function isLoopbackUri(uri: string): boolean {
  return URL.canParse(uri) && LOOPBACK.has(new URL(uri).hostname);
}

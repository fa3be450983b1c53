// Verifies AWS Signature Version 4 of a received request, over its raw request target and raw header values:
// nothing is normalised first, so what is verified is what is routed. Presigned URLs, unsigned or streamed
// payloads and SigV4a are refused. Spec: "Create a signed AWS API request" in the AWS IAM User Guide.
// It must not know which operations there are, nor where access keys are kept.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { GatewayError } from './errors.ts';
import type { Secret } from '../lib/secret.ts';

/** What is verified. Header names in lower case, each with all of its values in order (as Latin-1 text). */
export interface SignedRequest {
  readonly method: string;
  /** Request target as received: path and query, still encoded. */
  readonly target: string;
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** The secret of an access key, and the session token that has to come with it if it is a temporary one. */
export interface AccessKey {
  readonly secret: Secret;
  /** The one before, as long as it still counts. */
  readonly previousSecret?: Secret;
  readonly sessionToken?: Secret;
}

export interface SigV4Options<K extends AccessKey = AccessKey> {
  readonly region: string;
  /** Signing names that are accepted, for example `bedrock-agentcore`. */
  readonly services: readonly string[];
  /** The session token is what came with the request, not verified yet. */
  readonly accessKeys: (accessKeyId: string, sessionToken: string | undefined) => Promise<K | undefined>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Keep one for the life of the server; a signing key serves a whole day. */
  readonly signingKeys: SigningKeys;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const MAX_SKEW_MS = 5 * 60_000;
const INVALID_TOKEN = 'The security token included in the request is invalid.';
const BAD_SIGNATURE =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret ' +
  'Access Key and signing method. Consult the service documentation for details.';

const refuse = (message: string): GatewayError => new GatewayError('Unauthenticated', message);

/**
 * Who signed the request.
 * @throws GatewayError Unauthenticated, with a message in AWS's words, for whatever is not properly signed.
 */
export async function verifySigV4<K extends AccessKey>(
  request: SignedRequest,
  options: SigV4Options<K>,
): Promise<{ readonly accessKeyId: string; readonly key: K }> {
  const { path, query } = splitTarget(request.target);
  const claim = readAuthorization(single(request, 'authorization'));
  const timestamp = single(request, 'x-amz-date');
  if (timestamp === undefined)
    throw refuse("Authorization header requires existence of the 'X-Amz-Date' header.");
  checkScope(claim, timestamp, options);
  checkTime(timestamp, options.now());
  checkSignedHeaders(request, claim.signedHeaders);

  const bodyHash = createHash('sha256').update(request.body).digest('hex');
  const canonical = [
    request.method,
    canonicalPath(path),
    canonicalQuery(query),
    ...claim.signedHeaders.map((name) => `${name}:${canonicalValue(single(request, name) ?? '')}`),
    '',
    claim.signedHeaders.join(';'),
    bodyHash,
  ].join('\n');
  const scope = `${claim.date}/${claim.region}/${claim.service}/aws4_request`;
  // Header values hold the received bytes one per character, so that Latin-1 gives those bytes back.
  const canonicalHash = createHash('sha256').update(canonical, 'latin1').digest('hex');

  // An unknown key takes the same steps with a secret that nobody has, so that it takes the same time.
  const token = single(request, 'x-amz-security-token');
  const key = await options.accessKeys(claim.accessKeyId, token);
  const isSignedWith = (name: string, secret: string): boolean => {
    const signingKey = options.signingKeys.get(name, secret, claim);
    const expected = hmac(signingKey, `${ALGORITHM}\n${timestamp}\n${scope}\n${canonicalHash}`);
    return timingSafeEqual(expected, Buffer.from(claim.signature, 'hex'));
  };
  const { accessKeyId } = claim;
  let isSigned = isSignedWith(key ? accessKeyId : '', key?.secret.reveal() ?? '');
  if (!isSigned && key?.previousSecret)
    isSigned = isSignedWith(`${accessKeyId} before`, key.previousSecret.reveal());
  const isToken = sameText(token ?? '', key?.sessionToken?.reveal() ?? '');
  if (!key || !isToken) throw refuse(INVALID_TOKEN);
  checkDeclaredHash(single(request, 'x-amz-content-sha256'), bodyHash);
  if (!isSigned) throw refuse(BAD_SIGNATURE);
  return { accessKeyId, key };
}

/** The access key id that a request names, undefined where it names none that can be read. Nothing is verified yet. */
export function claimedAccessKeyId(headers: SignedRequest['headers']): string | undefined {
  const [value, ...more] = headers['authorization'] ?? [];
  if (more.length > 0) return undefined;
  return /^AWS4-HMAC-SHA256 +Credential=([^,\s/]+)\//.exec(value ?? '')?.[1];
}

interface Claim {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

function readAuthorization(header: string | undefined): Claim {
  if (header === undefined) throw refuse('Missing Authentication Token');
  const parts =
    /^AWS4-HMAC-SHA256 +Credential=([^,\s]+) *, *SignedHeaders=([^,\s]+) *, *Signature=([0-9a-f]{64})$/.exec(
      header,
    );
  const [accessKeyId, date, region, service, terminator, ...more] = (parts?.[1] ?? '').split('/');
  if (!accessKeyId || !date || !region || !service || terminator !== 'aws4_request' || more.length > 0)
    throw refuse(
      'The Authorization header must be of the form "AWS4-HMAC-SHA256 Credential=<access key id>/<date>/<region>/' +
        '<service>/aws4_request, SignedHeaders=<names>, Signature=<64 hex digits>".',
    );
  return {
    accessKeyId,
    date,
    region,
    service,
    signedHeaders: (parts?.[2] ?? '').split(';'),
    signature: parts?.[3] ?? '',
  };
}

function checkScope(
  claim: Claim,
  timestamp: string,
  options: Pick<SigV4Options, 'region' | 'services'>,
): void {
  if (claim.region !== options.region)
    throw refuse(`Credential should be scoped to a valid region: '${options.region}'.`);
  if (!options.services.includes(claim.service))
    throw refuse(`Credential should be scoped to correct service: '${options.services.join("' or '")}'.`);
  if (claim.date !== timestamp.slice(0, 8))
    throw refuse('Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.');
}

function checkTime(timestamp: string, now: number): void {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp);
  const [, year, month, day, hour, minute, second] = parts ?? [];
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (!Number.isFinite(at)) throw refuse("The 'X-Amz-Date' header must be of the form YYYYMMDD'T'HHMMSS'Z'.");
  const basic = (ms: number) => new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
  if (at < now - MAX_SKEW_MS)
    throw refuse(
      `Signature expired: ${timestamp} is now earlier than ${basic(now - MAX_SKEW_MS)} (${basic(now)} - 5 min.)`,
    );
  if (at > now + MAX_SKEW_MS)
    throw refuse(
      `Signature not yet current: ${timestamp} is still later than ${basic(now + MAX_SKEW_MS)} (${basic(now)} + 5 min.)`,
    );
}

/** Host, content-type and every `x-amz-*` header have to be signed, or somebody on the way could change them. */
function checkSignedHeaders(request: SignedRequest, signed: readonly string[]): void {
  for (const [index, name] of signed.entries()) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || (index > 0 && name <= (signed[index - 1] ?? '')))
      throw refuse('SignedHeaders must be header names in lower case, sorted, each of them once.');
    if (single(request, name) === undefined)
      throw refuse(`SignedHeaders names the header '${name}', which is not in the request.`);
  }
  const needed = Object.keys(request.headers).filter(
    (name) => (name.startsWith('x-amz-') || name === 'content-type') && request.headers[name] !== undefined,
  );
  for (const name of ['host', ...needed])
    if (!signed.includes(name)) throw refuse(`The header '${name}' must be among SignedHeaders.`);
}

function checkDeclaredHash(declared: string | undefined, bodyHash: string): void {
  if (declared === undefined) return;
  if (!/^[0-9a-f]{64}$/.test(declared))
    throw refuse(
      "The header 'x-amz-content-sha256' must be the SHA-256 of the body; other values are not accepted.",
    );
  if (!sameText(declared, bodyHash))
    throw refuse("The provided 'x-amz-content-sha256' header does not match what was computed.");
}

/** The one value of a header, undefined when absent. A header that comes twice has no one value. */
function single(request: SignedRequest, name: string): string | undefined {
  const values = Object.hasOwn(request.headers, name) ? request.headers[name] : undefined;
  if (values === undefined || values.length === 0) return undefined;
  if (values.length > 1) throw refuse(`The header '${name}' must come once.`);
  return values[0];
}

function splitTarget(target: string): { readonly path: string; readonly query: string } {
  // Absolute-form targets and stray characters are where servers and signers read differently.
  if (!/^\/[!-~]*$/.test(target) || target.includes('#'))
    throw refuse('The request target is not a plain path.');
  const mark = target.indexOf('?');
  return mark < 0
    ? { path: target, query: '' }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Each segment of the path encoded once more, as every service but S3 has it. */
const canonicalPath = (path: string): string => path.split('/').map(encode).join('/');

function canonicalQuery(query: string): string {
  const pairs = query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair): [string, string] => {
      const equals = pair.indexOf('=');
      const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      try {
        return [decodeURIComponent(name), decodeURIComponent(value)];
      } catch {
        throw refuse('The query string is not properly encoded.');
      }
    });
  if (
    pairs.some(([name]) =>
      /^x-amz-(signature|algorithm|credential|signedheaders|security-token)$/i.test(name),
    )
  )
    throw refuse('Presigned requests are not accepted: sign with the Authorization header.');
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return pairs
    .map(([name, value]): [string, string] => [encode(name), encode(value)])
    .sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function canonicalValue(value: string): string {
  for (let at = 0; at < value.length; at++)
    if (value.charCodeAt(at) > 0xff)
      throw refuse('A signed header holds a character that no header can hold.');
  return value.replace(/[ \t\n\r\f\v]+/g, ' ').replace(/^ | $/g, '');
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Equality in constant time, whatever the lengths. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Signing keys of access keys in use, at most `max`; the least recently used one goes first. */
export class SigningKeys {
  readonly #kept = new Map<string, { readonly fingerprint: Buffer; readonly key: Buffer }>();
  readonly #max: number;

  constructor(max = 1000) {
    this.#max = max;
  }

  /** The key for a day, region and service, derived when it is not at hand or the secret has changed. */
  get(
    accessKeyId: string,
    secret: string,
    scope: { readonly date: string; readonly region: string; readonly service: string },
  ): Buffer {
    const name = `${accessKeyId}/${scope.date}/${scope.region}/${scope.service}`;
    const fingerprint = createHash('sha256').update(secret).digest();
    const kept = this.#kept.get(name);
    this.#kept.delete(name);
    const key =
      kept && timingSafeEqual(kept.fingerprint, fingerprint)
        ? kept.key
        : [scope.date, scope.region, scope.service, 'aws4_request'].reduce<string | Buffer>(
            hmac,
            `AWS4${secret}`,
          );
    this.#kept.set(name, { fingerprint, key: key as Buffer });
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > this.#max && !oldest.done) this.#kept.delete(oldest.value);
    return key as Buffer;
  }
}

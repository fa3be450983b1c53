// Signs an outbound request with AWS Signature Version 4, by the maintained package. Nothing of the request changes but
// for the headers that are added.

import { SignatureV4 } from '@smithy/signature-v4';
import { SignerSha256 } from './signer-hash.ts';

export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

interface Signable {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Instead of the URL's. */
  readonly path?: string;
}

/** Hop-by-hop or changed on the way: a signature over them would not hold. */
const NOT_SIGNED = new Set(['user-agent', 'connection', 'expect', 'x-amzn-trace-id']);

/** The headers of the request with those of the signature. `service` and `region` as the endpoint expects them. */
export async function signRequest(
  request: Signable,
  scope: {
    readonly service: string;
    readonly region: string;
    readonly credentials: SigningCredentials;
    readonly isPathEncodedOnce?: boolean;
  },
): Promise<Record<string, string>> {
  const { method, url, headers, body } = request;
  const { isPathEncodedOnce = scope.service === 's3', ...signedFor } = scope;
  const signer = new SignatureV4({
    ...signedFor,
    sha256: SignerSha256,
    // S3 alone signs the path as it is sent; every other service the path encoded once more.
    uriEscapePath: !isPathEncodedOnce,
    applyChecksum: true,
  });
  const query: Record<string, string | string[]> = {};
  for (const [name, value] of url.searchParams) {
    const before = query[name];
    query[name] = before === undefined ? value : [before, value].flat();
  }
  const signed = await signer.sign(
    {
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port === '' ? {} : { port: Number(url.port) }),
      path: request.path ?? url.pathname,
      query,
      headers: { ...headers, host: url.host },
      ...(body === undefined ? {} : { body }),
    } as Parameters<typeof signer.sign>[0],
    { unsignableHeaders: NOT_SIGNED },
  );
  const { host: _host, ...rest } = (signed as { headers: Record<string, string> }).headers;
  return rest;
}

// A small S3 stand-in that gives out objects only to who signs as S3 asks for (Signature Version 4, computed here
// from the specification's text and not with the product's code).

import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closing } from './process.ts';

export interface ObjectStore {
  readonly url: string;
  readonly objects: Map<string, string>;
  /** Paths asked for with a valid signature, and the others. */
  readonly granted: string[];
  readonly denied: string[];
}

/** Starts the store; objects are named `/bucket/key`. */
export async function startObjectStore(credentials: {
  id: string;
  secret: string;
  region: string;
}): Promise<ObjectStore> {
  const store = { objects: new Map<string, string>(), granted: [] as string[], denied: [] as string[] };
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (!isSigned(request, credentials)) {
      store.denied.push(path);
      response.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
      return;
    }
    store.granted.push(path);
    const body = store.objects.get(path);
    response.writeHead(body === undefined ? 404 : 200).end(body ?? '<Error><Code>NoSuchKey</Code></Error>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ...store, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function isSigned(
  request: IncomingMessage,
  { id, secret, region }: { id: string; secret: string; region: string },
): boolean {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
      request.headers.authorization ?? '',
    );
  if (!match) return false;
  const [, keyId, day = '', signedRegion = '', names = '', signature] = match;
  const payloadHash = String(request.headers['x-amz-content-sha256']);
  const date = String(request.headers['x-amz-date']);
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const headers = names.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [request.method, path, query, headers.join(''), names, payloadHash].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', date, `${day}/${signedRegion}/s3/aws4_request`, sha256(canonical)].join(
    '\n',
  );
  const key = [day, signedRegion, 's3', 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secret}`);
  return (
    keyId === id &&
    signedRegion === region &&
    names.split(';').includes('host') &&
    payloadHash === sha256('') &&
    Math.abs(Date.now() - parseDate(date)) < 15 * 60_000 &&
    hmac(key, toSign).toString('hex') === signature
  );
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const parseDate = (date: string): number =>
  Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

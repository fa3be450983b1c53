// A form that a browser has sent: small, url-encoded, and from a page of this server.

import type { IncomingMessage } from 'node:http';

const MAX_BYTES = 8 * 1024;

/** The fields of a form; undefined when it is too large, of another type, or from another page. */
export async function readOwnForm(
  request: IncomingMessage,
  publicUrl: string,
): Promise<URLSearchParams | undefined> {
  const { origin, 'content-type': type = '', 'sec-fetch-site': site } = request.headers;
  if (origin !== undefined && origin !== new URL(publicUrl).origin) return undefined;
  if (site !== undefined && site !== 'same-origin') return undefined;
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(type)) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BYTES) return undefined;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

/** The value of a cookie that was sent once; undefined otherwise. */
export function cookieOf(request: IncomingMessage, name: string): string | undefined {
  const found = (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`));
  return found.length === 1 ? found[0]?.slice(name.length + 1) : undefined;
}

// Which addresses belong to the authorization server, and whose a request is. Its issuer has a path, so its metadata is asked for in three places:
// with the well-known part before the path (RFC 8414 §3.1, also for OpenID Connect by habit) and behind it (OpenID Connect
// Discovery §4). Clients of before RFC 9728 ask at the root.

import type { IncomingMessage } from 'node:http';

const ISSUER_PATH = '/oauth';
const METADATA = '/.well-known/oauth-authorization-server';
const DISCOVERY = '/.well-known/openid-configuration';

/** Anybody's page may register a client: there is nothing to steal, and it carries no cookie. */
export const REGISTRATION_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers': 'content-type, mcp-protocol-version',
  'access-control-max-age': '3600',
});

const CLIENT_ADDRESS = 'x-forwarded-for';

/** Notes on a request whose it is, where the package and its pages look for it; whatever stood there is gone. */
export function setClientAddress({ headers }: IncomingMessage, address: string | undefined): void {
  if (address === undefined) delete headers[CLIENT_ADDRESS];
  else headers[CLIENT_ADDRESS] = address;
}

/** The address that was noted. */
export function clientAddressOf({ headers }: IncomingMessage): string | undefined {
  const address = headers[CLIENT_ADDRESS];
  return typeof address === 'string' ? address : undefined;
}

/** The path below the issuer that a request target means, with its query; undefined when it is none of ours. */
export function routeOf(target: string): { readonly path: string; readonly query: string } | undefined {
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const query = question < 0 ? '' : target.slice(question);
  if (path === METADATA || path === `${METADATA}${ISSUER_PATH}`) return { path: METADATA, query };
  if (path === `${DISCOVERY}${ISSUER_PATH}`) return { path: DISCOVERY, query };
  if (path.startsWith(`${ISSUER_PATH}/`)) return { path: path.slice(ISSUER_PATH.length), query };
  return undefined;
}

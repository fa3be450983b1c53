// Which browser pages may call (Origin, CORS) and under which host names (DNS rebinding). MCP, transports, security.

import type { IncomingHttpHeaders } from 'node:http';

export interface OriginRules {
  /** True when the Host header names this server. */
  isOwnHost(host: string | undefined): boolean;
  /** True when there is no Origin, or one that may call. */
  mayCall(origin: string | undefined): boolean;
  /** CORS headers for a request from an allowed origin; none without an origin. */
  corsHeaders(origin: string | undefined): Readonly<Record<string, string>>;
}

export interface OriginOptions {
  readonly publicUrl: string;
  readonly isLoopback: boolean;
  readonly allowedOrigins?: readonly string[];
  readonly gatewayDomain?: string;
}

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const EXPOSED = 'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After, x-amzn-requestid';

/** The rules of one listener. */
export function createOriginRules(options: OriginOptions): OriginRules {
  const publicUrl = new URL(options.publicUrl);
  const allowed = new Set(options.allowedOrigins ?? [publicUrl.origin]);
  let lastOwnHost: string | undefined;
  const mayCall = (origin: string | undefined): boolean => {
    if (origin === undefined || allowed.has(origin)) return true;
    return options.allowedOrigins === undefined && options.isLoopback && isLoopbackOrigin(origin);
  };
  return Object.freeze({
    isOwnHost(host: string | undefined): boolean {
      // Off loopback the operator's network decides who reaches us under which name; on loopback a browser might.
      if (!options.isLoopback) return host !== undefined;
      if (host !== undefined && host === lastOwnHost) return true;
      const name = hostName(host);
      if (name === undefined) return false;
      const isOwn =
        LOOPBACK_NAMES.has(name) || name === publicUrl.hostname || isBelow(name, options.gatewayDomain);
      if (isOwn) lastOwnHost = host;
      return isOwn;
    },
    mayCall,
    corsHeaders(origin: string | undefined): Readonly<Record<string, string>> {
      if (origin === undefined || !mayCall(origin)) return {};
      return {
        'access-control-allow-origin': origin,
        vary: 'Origin',
        'access-control-expose-headers': EXPOSED,
      };
    },
  });
}

/** Headers of the answer to a preflight request (Fetch standard, CORS protocol). */
export function preflightHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const asked = headers['access-control-request-headers'];
  const names = (typeof asked === 'string' ? asked.split(',') : [])
    .map((name) => name.trim())
    .filter((name) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(name))
    .slice(0, 50);
  return {
    'access-control-allow-methods': 'POST, GET, DELETE, OPTIONS',
    'access-control-allow-headers': names.length > 0 ? names.join(', ') : 'Authorization, Content-Type',
    'access-control-max-age': '600',
  };
}

function isLoopbackOrigin(origin: string): boolean {
  return URL.canParse(origin) && LOOPBACK_NAMES.has(new URL(origin).hostname);
}

function hostName(host: string | undefined): string | undefined {
  const url = `http://${host ?? ''}`;
  return host !== undefined && /^[^/@?#\\]+$/.test(host) && URL.canParse(url)
    ? new URL(url).hostname
    : undefined;
}

function isBelow(name: string, domain: string | undefined): boolean {
  return domain !== undefined && name.endsWith(`.${hostName(domain) ?? domain}`);
}

// Which gateway's MCP endpoint a request means: by path, or by host name where each gateway has its own.

const MCP_PATH = /^\/gateways\/([^/]{1,160})\/mcp\/?$/;
const METADATA_PATH = /^\/\.well-known\/oauth-protected-resource\/gateways\/([^/]{1,160})\/mcp\/?$/;
const METADATA_PREFIX = '/.well-known/oauth-protected-resource';

export interface Route {
  readonly kind: 'mcp' | 'metadata';
  readonly gatewayId: string;
}

/** The route of a request to the data plane; undefined for everything else. `path` has no query. */
export function routeOf(
  path: string,
  host: string | undefined,
  gatewayDomain: string | undefined,
): Route | undefined {
  const own = gatewayDomain === undefined ? undefined : gatewayOfHost(host, gatewayDomain);
  if (own !== undefined) {
    if (path === '/mcp' || path === '/mcp/') return { kind: 'mcp', gatewayId: own };
    if (path === METADATA_PREFIX || path === `${METADATA_PREFIX}/mcp`)
      return { kind: 'metadata', gatewayId: own };
    return undefined;
  }
  if (path.startsWith('/gateways/')) {
    const id = MCP_PATH.exec(path)?.[1];
    return id === undefined ? undefined : { kind: 'mcp', gatewayId: id };
  }
  if (!path.startsWith(METADATA_PREFIX)) return undefined;
  const id = METADATA_PATH.exec(path)?.[1];
  return id === undefined ? undefined : { kind: 'metadata', gatewayId: id };
}

function gatewayOfHost(host: string | undefined, domain: string): string | undefined {
  const name = host?.toLowerCase().replace(/:\d+$/, '') ?? '';
  const suffix = `.${domain.toLowerCase().replace(/:\d+$/, '')}`;
  return name.endsWith(suffix) && name.length > suffix.length ? name.slice(0, -suffix.length) : undefined;
}

// Protected resources by their addresses (RFC 9728, RFC 8707): where the metadata of one lies, which one a metadata
// address stands for, and whether an identifier may stand for a server. Pure; nothing is fetched here.

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** Where the metadata of a protected resource lies when nothing else is said (RFC 9728 §3.1). */
export function metadataUrlOf(resource: URL): string {
  const path = resource.pathname === '/' ? '' : resource.pathname;
  return `${resource.origin}${WELL_KNOWN}${path}${resource.search}`;
}

/** The protected resource that a well-known metadata address stands for; undefined for every other address. */
export function resourceOfMetadataUrl(metadataUrl: string): string | undefined {
  if (!URL.canParse(metadataUrl)) return undefined;
  const { origin, pathname, search, hash } = new URL(metadataUrl);
  if (pathname !== WELL_KNOWN && !pathname.startsWith(`${WELL_KNOWN}/`)) return undefined;
  if (hash !== '' || origin === 'null') return undefined;
  const path = pathname.slice(WELL_KNOWN.length);
  return `${origin}${path === '' ? '/' : path}${search}`;
}

/**
 * Whether a published identifier may stand for a server: it is the server's own address, or a wider one whose metadata
 * lies where only the owner of the wider one can put it (RFC 9728 §3.3). A tenant of a shared host could otherwise have
 * tokens made for all of it.
 * @param documentUrl where the metadata was read
 */
export function mayIdentify(identifier: string, server: URL, documentUrl: string): boolean {
  if (!URL.canParse(identifier) || identifier.includes('#')) return false;
  const named = new URL(identifier);
  if (named.origin !== server.origin || named.username !== '' || named.password !== '') return false;
  if (withoutSlash(named) === withoutSlash(server) && named.search === server.search) return true;
  return covers(named, server) && metadataUrlOf(named) === documentUrl;
}

/** Whether requests to an address are requests to the resource: the same origin, and the same path or one below it. */
export function covers(resource: URL, address: URL): boolean {
  if (resource.origin !== address.origin) return false;
  const path = withoutSlash(resource);
  return address.pathname === path || address.pathname.startsWith(`${path}/`);
}

function withoutSlash({ pathname }: URL): string {
  return pathname.replace(/\/$/, '');
}

// Where calls go: the document's servers with their variables filled in, relative ones resolved against the
// document's own address. The `server-url` setting overrides them all.

import { entriesOf, isRaw, listMember, member, textMember, textsMember } from './raw.ts';
import type { Dialect } from './versions.ts';

/** Finds the base URL of operations. `''` where there is none. */
export interface Servers {
  /** Base URL for an operation, whose own servers come before the path's, before the document's. */
  forOperation(operation: unknown, pathItem: unknown): string;
  readonly warnings: readonly string[];
}

/** Reads the document's servers once. */
export function createServers(
  root: unknown,
  dialect: Dialect,
  location: string,
  override: string | undefined,
): Servers {
  if (override !== undefined && override.trim() !== '') {
    const url = tidy(override.trim(), undefined);
    return {
      forOperation: () => url ?? '',
      warnings: url === undefined ? ['The setting gatewright:server-url is no http or https URL.'] : [],
    };
  }
  const address = /^https?:/i.test(location) && URL.canParse(location) ? location : undefined;
  const candidates = dialect.version === '2.0' ? swaggerServers(root, address) : serverUrls(root);
  // A document without servers is served by where it came from, as the specification says.
  const urls = usable(candidates.length === 0 && dialect.version !== '2.0' ? ['/'] : candidates, address);
  const main = urls[0] ?? '';
  return {
    forOperation(operation, pathItem) {
      for (const node of [operation, pathItem]) {
        const [own] = usable(
          dialect.version === '2.0' ? swaggerSchemes(root, node, address) : serverUrls(node),
          address ?? (main || undefined),
        );
        if (own !== undefined) return own;
      }
      return main;
    },
    warnings: warningsFor(urls, candidates),
  };
}

function warningsFor(urls: readonly string[], candidates: readonly string[]): string[] {
  if (urls.length === 0) {
    const why =
      candidates.length === 0
        ? 'The document names no server'
        : `No server of the document can be called (${candidates.slice(0, 3).join(', ').slice(0, 200)})`;
    return [`${why}: set the target's tag gatewright:server-url (or --upstream).`];
  }
  if (urls.length === 1) return [];
  const others = urls.slice(1, 6).join(', ');
  return [
    `Calls go to ${urls[0]}. The document also names ${others}: choose with the tag gatewright:server-url.`,
  ];
}

/** Absolute URLs, https first, the document's order otherwise. */
function usable(candidates: readonly string[], address: string | undefined): string[] {
  const urls = new Set<string>();
  for (const candidate of candidates) {
    const url = tidy(candidate, address);
    if (url !== undefined) urls.add(url);
  }
  return [...urls].sort(
    (left, right) => Number(right.startsWith('https:')) - Number(left.startsWith('https:')),
  );
}

function serverUrls(node: unknown): string[] {
  const urls: string[] = [];
  for (const server of listMember(node, 'servers')) {
    const url =
      typeof server === 'string' ? server : isRaw(server) ? (textMember(server, 'url') ?? '/') : undefined;
    if (url !== undefined) urls.push(fillVariables(url.trim(), member(server, 'variables')));
  }
  return urls;
}

function fillVariables(url: string, variables: unknown): string {
  const values = new Map<string, string>();
  for (const [name, variable] of entriesOf(variables)) {
    const chosen = member(variable, 'default') ?? listMember(variable, 'enum')[0];
    if (typeof chosen === 'string' || typeof chosen === 'number') values.set(name, String(chosen));
  }
  return url.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => values.get(name) ?? whole);
}

function swaggerServers(root: unknown, address: string | undefined): string[] {
  const host = textMember(root, 'host')
    ?.trim()
    .replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '');
  const basePath = textMember(root, 'basePath')?.trim() ?? '';
  const path = basePath === '' || basePath.startsWith('/') ? basePath : `/${basePath}`;
  if (host === undefined)
    return address === undefined ? (path === '' ? [] : [path]) : [path === '' ? '/' : path];
  const schemes = textsMember(root, 'schemes').filter((scheme) => /^https?$/i.test(scheme));
  const assumed = address === undefined ? 'https' : new URL(address).protocol.slice(0, -1);
  return (schemes.length > 0 ? schemes : [assumed]).map(
    (scheme) => `${scheme.toLowerCase()}://${host}${path}`,
  );
}

/** Swagger 2.0 operations may name other schemes than the document. */
function swaggerSchemes(root: unknown, node: unknown, address: string | undefined): string[] {
  const schemes = member(node, 'schemes');
  if (!Array.isArray(schemes) || textMember(root, 'host') === undefined) return [];
  return swaggerServers({ ...(root as object), schemes }, address);
}

/** An absolute http(s) URL without trailing slash, query and fragment; undefined when it is none. */
function tidy(candidate: string, address: string | undefined): string | undefined {
  if (/[{}]/.test(candidate)) return undefined;
  // `api.example.com/v1`: written by people who leave the scheme out.
  const text = /^[\w-]+(\.[\w-]+)+(:\d+)?(\/|$)/.test(candidate) ? `https://${candidate}` : candidate;
  if (!URL.canParse(text, address)) return undefined;
  const url = new URL(text, address);
  if (!/^https?:$/.test(url.protocol)) return undefined;
  return url.origin + url.pathname.replace(/\/+$/, '');
}

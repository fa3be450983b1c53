// Scopes of tokens for a server that says itself what it wants (MCP 2025-11-25, "Scope Selection Strategy" and "Step-Up
// Authorization Flow"). Bounded: such a server could otherwise make requests of any size, and ask for ever.

import type { AuthorizationServer } from 'oauth4webapi';

/** RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;
const MAX_SCOPES = 100;
const MAX_LENGTH = 4_096;
const OFFLINE_ACCESS = 'offline_access';

/** The scopes of a parameter, each once; what is none is left out. */
export function parseScopes(text: string | undefined): readonly string[] {
  const scopes = new Set((text ?? '').slice(0, 64 * 1024).split(/[ \t]+/));
  return bounded([...scopes].filter((scope) => SCOPE.test(scope)));
}

/** One after the other, each once. */
export function unionOfScopes(one: readonly string[], other: readonly string[]): readonly string[] {
  return bounded([...new Set([...one, ...other])]);
}

/**
 * What a user is asked for: what the server wants, and that the consent may last where its authorization server offers
 * that. Without any wish of the server nothing is named, so that the authorization server's own default holds.
 */
export function scopesForUser(
  wanted: readonly string[],
  { scopes_supported: supported }: Pick<AuthorizationServer, 'scopes_supported'>,
): readonly string[] {
  const offers = supported?.includes(OFFLINE_ACCESS) === true;
  const others = wanted.filter((scope) => scope !== OFFLINE_ACCESS);
  return offers && others.length > 0 ? [...others, OFFLINE_ACCESS] : others;
}

/** Whether the consent is to last beyond the user’s presence (OpenID Connect Core §11). */
export function isOffline(scopes: readonly string[]): boolean {
  return scopes.includes(OFFLINE_ACCESS);
}

function bounded(scopes: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let length = 0;
  for (const scope of scopes) {
    length += scope.length + 1;
    if (kept.length >= MAX_SCOPES || length > MAX_LENGTH) break;
    kept.push(scope);
  }
  return kept;
}

// What the document says about credentials: where they go for an operation, and which parameters are therefore
// no arguments. Never sees a secret.

import type { CredentialPlacement } from '../../../core/outbound.ts';
import { isRaw, member, textMember } from './raw.ts';
import type { References } from './references.ts';

/**
 * Where an operation's `security`, inherited from the root when it has none of its own, puts the credential: the
 * first placement that can be made sense of. `none`: the root asks for a credential and the operation does not.
 */
export function readSecurity(
  root: unknown,
  operation: unknown,
  references: References,
): CredentialPlacement | 'none' | undefined {
  const own = member(operation, 'security');
  const inherited = member(root, 'security');
  if (Array.isArray(own) && !asks(own)) return asks(inherited) ? 'none' : undefined;
  const alternatives: unknown = Array.isArray(own) ? own : inherited;
  for (const alternative of Array.isArray(alternatives) ? (alternatives as unknown[]) : [])
    for (const name of isRaw(alternative) ? Object.keys(alternative) : []) {
      const placement = placementOf(schemeNamed(root, name, references));
      if (placement !== undefined) return placement;
    }
  return undefined;
}

/** True when a list of alternatives names any scheme. */
function asks(security: unknown): boolean {
  return Array.isArray(security) && security.some((item) => isRaw(item) && Object.keys(item).length > 0);
}

/** What the target's credential fills on calls of an operation with that security. */
export function placeFilled(
  credential: CredentialPlacement | 'by-document' | undefined,
  security: CredentialPlacement | 'none' | undefined,
): CredentialPlacement | undefined {
  // Public operations are called without the credential.
  if (credential === undefined || security === 'none') return undefined;
  if (credential !== 'by-document') return credential;
  return security ?? { in: 'header', name: 'Authorization' };
}

function schemeNamed(root: unknown, name: string, references: References): unknown {
  const held =
    member(member(member(root, 'components'), 'securitySchemes'), name) ??
    member(member(root, 'securityDefinitions'), name);
  const found = references.follow(held);
  return 'missing' in found ? undefined : found.node;
}

function placementOf(scheme: unknown): CredentialPlacement | undefined {
  switch (textMember(scheme, 'type')?.toLowerCase()) {
    case 'apikey': {
      const place = textMember(scheme, 'in');
      const name = textMember(scheme, 'name');
      if (name === undefined || (place !== 'header' && place !== 'query' && place !== 'cookie'))
        return undefined;
      return { in: place, name };
    }
    case 'http': {
      const kind = textMember(scheme, 'scheme')?.toLowerCase();
      if (kind === 'basic') return { in: 'header', name: 'Authorization', prefix: 'Basic' };
      return kind === undefined || kind === 'bearer'
        ? { in: 'header', name: 'Authorization', prefix: 'Bearer' }
        : undefined;
    }
    case 'basic':
      return { in: 'header', name: 'Authorization', prefix: 'Basic' };
    case 'oauth2':
    case 'openidconnect':
      return { in: 'header', name: 'Authorization', prefix: 'Bearer' };
    default:
      return undefined;
  }
}

/** True when a parameter is what a placement names. */
export function isPlacedAt(placement: CredentialPlacement, place: string, name: string): boolean {
  if (placement.in !== place) return false;
  return place === 'header' ? placement.name.toLowerCase() === name.toLowerCase() : placement.name === name;
}

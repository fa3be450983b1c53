// What the document says about credentials: where they go for an operation, and which parameters are therefore
// no arguments. Never sees a secret.

import type { CredentialPlacement } from '../../../core/outbound.ts';
import { isRaw, member, textMember } from './raw.ts';
import type { References } from './references.ts';

/** The security of one operation. */
export interface SecurityReading {
  readonly plan?: CredentialPlacement | 'none';
  /** Every placement of an apiKey scheme in force, whichever alternative it stands in. */
  readonly keys: readonly CredentialPlacement[];
  /** Some scheme puts a credential in the Authorization header. */
  readonly usesAuthorization: boolean;
}

/** Reads an operation's `security`, inherited from the root when it has none of its own. */
export function readSecurity(root: unknown, operation: unknown, references: References): SecurityReading {
  const own = member(operation, 'security');
  const inherited = member(root, 'security');
  const alternatives: unknown[] = Array.isArray(own) ? own : Array.isArray(inherited) ? inherited : [];
  const rootAsks =
    Array.isArray(inherited) && inherited.some((item) => isRaw(item) && Object.keys(item).length > 0);
  if (Array.isArray(own) && own.every((item) => isRaw(item) && Object.keys(item).length === 0))
    return { ...(rootAsks ? { plan: 'none' as const } : {}), keys: [], usesAuthorization: false };
  const placements: CredentialPlacement[] = [];
  const keys: CredentialPlacement[] = [];
  for (const alternative of alternatives)
    for (const name of isRaw(alternative) ? Object.keys(alternative) : []) {
      const placement = placementOf(schemeNamed(root, name, references));
      if (placement === undefined) continue;
      placements.push(placement);
      if (placement.prefix === undefined) keys.push(placement);
    }
  const [first] = placements;
  return {
    ...(first === undefined ? {} : { plan: first }),
    keys,
    usesAuthorization: placements.some(
      (each) => each.in === 'header' && each.name.toLowerCase() === 'authorization',
    ),
  };
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

/** True when a parameter is what a credential fills. */
export function isCredential(
  place: string,
  name: string,
  credential: CredentialPlacement | undefined,
): boolean {
  if (credential === undefined || credential.in !== place) return false;
  return place === 'header' ? credential.name.toLowerCase() === name.toLowerCase() : credential.name === name;
}

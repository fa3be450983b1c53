// What a token is needed for, and the name that follows from it: of its row, of its place in memory, of its lease. Tokens
// that differ in anything that matters have different names.

import { createHash } from 'node:crypto';
import type { TokenUser } from '../core/resources.ts';
import type { Secret } from '../lib/secret.ts';
import type { Wanted } from './wanted.ts';

/** What a token is needed for: everything that tells it from others. */
export interface TokenNeed extends Wanted {
  readonly grant: 'CLIENT_CREDENTIALS' | 'AUTHORIZATION_CODE' | 'TOKEN_EXCHANGE';
  readonly workloadId: string;
  readonly user?: TokenUser;
  /** The token of the caller (TOKEN_EXCHANGE). */
  readonly subject?: Secret;
}

/** Name of a token's row, and its key in memory. Every part is compared byte by byte. */
export function tokenKey(providerId: string, need: TokenNeed): string {
  const { grant, workloadId, user, scopes, customParameters, resources, audiences, subject } = need;
  const parts = [
    providerId,
    grant,
    workloadId,
    user && ('userId' in user ? ['id', user.userId] : ['jwt', user.issuer, user.subject]),
    [...new Set(scopes)].sort(),
    Object.entries(customParameters).sort(([a], [b]) => (a < b ? -1 : 1)),
    [...resources].sort(),
    [...audiences].sort(),
    subject && digest(subject.reveal()),
  ];
  return digest(JSON.stringify(parts));
}

/** A name that does not tell what it was made of. */
export const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');

// Temporary access keys: everything about them is in their sealed session token, so that any process knows them and
// nothing has to be stored.

import { createHash } from 'node:crypto';
import type { KnownKey } from './access.ts';
import type { Sealer } from './sealer.ts';

export interface AwsSession {
  readonly accessKeyId: string;
  readonly secret: string;
  /** The key it was made with: when that one goes, so does this. */
  readonly parent: string;
  /** Of that key's secret: when it is rotated, this ends with the old one. */
  readonly mark: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Marks of the secrets of a key that count now, the one that ends first in front. */
export function marksOf({ secret, previousSecret }: KnownKey): readonly string[] {
  return [previousSecret, secret].flatMap((each) =>
    each ? [createHash('sha256').update(each.reveal()).digest('base64url').slice(0, 22)] : [],
  );
}

/** The session token of a temporary key. */
export function createSessionToken(sealer: Sealer, accountId: string, session: AwsSession): string {
  return sealer.seal('aws-session', JSON.stringify(session), [accountId]);
}

/** What a session token says, or undefined when it is none of this installation's. */
export function openSessionToken(sealer: Sealer, accountId: string, token: string): AwsSession | undefined {
  const text = sealer.open('aws-session', token, [accountId]);
  return text === undefined ? undefined : (JSON.parse(text) as AwsSession);
}

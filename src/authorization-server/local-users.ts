// People without an identity provider: user name and password. A wrong name and a wrong password cost the same work and
// get the same answer; guesses are counted before they are looked at, for the user, the address and both together.

import type { LocalUserDocument } from '../core/resources.ts';
import { userNameKey } from '../core/user-name.ts';
import { verifyPassword } from '../lib/password-hash.ts';
import type { Secret } from '../lib/secret.ts';
import type { Row, Store } from '../stores/store.ts';
import type { Tallies } from './tallies.ts';

const MINUTE_MS = 60_000;
const LIMITS = Object.freeze({
  both: { count: 10, windowMs: 15 * MINUTE_MS },
  user: { count: 60, windowMs: 60 * MINUTE_MS },
  address: { count: 100, windowMs: 15 * MINUTE_MS },
});

export type SignInOutcome =
  | { readonly kind: 'user'; readonly id: string; readonly name: string }
  /** The name is that of a user. */
  | { readonly kind: 'refused'; readonly name?: string }
  | { readonly kind: 'throttled'; readonly name?: never };

export interface LocalUsers {
  signIn(name: string, password: Secret, address: string): Promise<SignInOutcome>;
  find(id: string): Promise<{ readonly name: string; readonly document: LocalUserDocument } | undefined>;
}

/** The users in the store. */
export function createLocalUsers(store: Store, tallies: Tallies): LocalUsers {
  return Object.freeze({
    async signIn(name: string, password: Secret, address: string): Promise<SignInOutcome> {
      const key = userNameKey(name);
      const tallied = [
        // First: an address that is over its limit must not fill the store with names, and push other counts out.
        [`address ${address}`, LIMITS.address],
        [`user ${key}`, LIMITS.user],
        [`both ${address} ${key}`, LIMITS.both],
      ] as const;
      for (const [id, { count, windowMs }] of tallied)
        if ((await tallies.add(id, windowMs)) > count) return { kind: 'throttled' };
      const row: Row<'local-user'> | undefined = await store.find('local-user', '', key);
      if (!(await verifyPassword(password, row?.document.password)) || !row)
        return { kind: 'refused', ...(row ? { name: row.name } : {}) };
      // Not the address: whoever knows one password could otherwise try those of others for ever.
      await tallies.clear(`both ${address} ${key}`);
      await tallies.clear(`user ${key}`);
      return { kind: 'user', id: row.id, name: row.name };
    },
    find: (id: string) => store.get('local-user', id),
  });
}

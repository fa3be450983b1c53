// The key-encryption keys of the vault: one that seals, and older ones that only open until everything has been rewrapped.
// Where they lie is the source's matter. Without any key the vault is locked: nothing is sealed and nothing opens, and
// none is made up.

import { createHash } from 'node:crypto';

export interface Kek {
  /** Names the key in sealed values; tells nothing about it. */
  readonly id: string;
  readonly key: Buffer;
}

/** Where keys lie. The first one seals. */
export interface KeySource {
  /** For messages. */
  readonly name: string;
  /** @param mayCreate true as long as nothing has been sealed: then a first key may be made */
  load(mayCreate: boolean): Promise<readonly Buffer[]>;
  /** The same without waiting, where that is possible. */
  readonly loadNow?: () => readonly Buffer[];
  /** For sources that are read by waiting: what lies there, wrapped; another text when somebody has changed it. */
  readonly look?: () => string;
  /** Makes a new key and puts it before the others. @throws GatewayError Validation where that is not this process's to do */
  add(): Promise<void>;
  /** Removes all keys but the first. */
  retire(): Promise<void>;
}

export interface KeyRing {
  readonly source: string;
  primary(): Kek | undefined;
  find(id: string): Kek | undefined;
  readonly ids: () => readonly string[];
  reload(): Promise<void>;
  /** Makes a new primary key, unless a rotation is under way already. */
  begin(): Promise<void>;
  /** Ends a rotation: only the primary key stays. */
  finish(): Promise<void>;
}

/** Opens the keys of a source. @throws GatewayError Unavailable when they cannot be read */
export async function openKeyRing(source: KeySource, mayCreate: boolean): Promise<KeyRing> {
  let keys = (await source.load(mayCreate)).map(toKek);
  let seen = source.look?.();
  let reloading: Promise<void> | undefined;
  const reload = async (): Promise<void> => {
    const now = source.look?.();
    keys = (await source.load(false)).map(toKek);
    seen = now;
  };
  const known = (id: string): Kek | undefined => keys.find((kek) => kek.id === id);
  /** As long as the keys cannot be read, those that were read go on. */
  function lookAgain(): void {
    try {
      // Keys that have to be waited for are there for the next call.
      if (isStale()) reloading ??= reload().finally(() => (reloading = undefined));
      reloading?.catch(() => undefined);
      if (!source.loadNow) return;
      const now = source.loadNow().map(toKek);
      if (now.length > 0) keys = now;
    } catch {
      // Whoever needs a key that is not known here says so.
    }
  }
  function isStale(): boolean {
    try {
      return source.look !== undefined && source.look() !== seen;
    } catch {
      return true;
    }
  }
  return Object.freeze({
    source: source.name,
    primary(): Kek | undefined {
      // Another process may have rotated the keys: nothing is sealed under one that has been retired. Sealing is rare.
      lookAgain();
      return isStale() ? undefined : keys[0];
    },
    find(id: string): Kek | undefined {
      // Another process may have rotated the keys: they are looked for once more.
      if (!known(id)) lookAgain();
      return known(id);
    },
    ids: () => keys.map(({ id }) => id),
    reload,
    async begin(): Promise<void> {
      await reload();
      if (keys.length === 1) await source.add();
      await reload();
    },
    async finish(): Promise<void> {
      await source.retire();
      await reload();
    },
  });
}

/** A ring of one key, for tests and for values that live no longer than the process. */
export function singleKeyRing(key: Uint8Array): KeyRing {
  const kek = toKek(Buffer.from(key));
  const unchanged = (): Promise<void> => Promise.resolve();
  return Object.freeze({
    source: 'memory',
    primary: () => kek,
    find: (id: string) => (id === kek.id ? kek : undefined),
    ids: () => [kek.id],
    reload: unchanged,
    begin: unchanged,
    finish: unchanged,
  });
}

function toKek(key: Buffer): Kek {
  if (key.length !== 32) throw new RangeError('a key-encryption key has 32 bytes');
  return { key, id: createHash('sha256').update('gatewright-kek').update(key).digest('hex').slice(0, 16) };
}

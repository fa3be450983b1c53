// The contract of every store. It knows rows and kinds, and nothing of what is in a document.
// Law: when a promise of `transaction` fulfils, what it wrote survives kill -9 and a power cut.

import type { ResourceDocuments, ResourceKind } from '../core/resources.ts';

export interface Row<K extends ResourceKind> {
  readonly id: string;
  /** The owning gateway of a target; empty for kinds without a parent. */
  readonly parentId: string;
  /** Unique within kind and parent. */
  readonly name: string;
  /** Grows with each replace: the token of optimistic concurrency. */
  readonly revision: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly document: ResourceDocuments[K];
}

export interface Page {
  readonly limit: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

export interface StoreReader {
  get<K extends ResourceKind>(kind: K, id: string): Promise<Row<K> | undefined>;
  find<K extends ResourceKind>(kind: K, parentId: string, name: string): Promise<Row<K> | undefined>;
  /** Rows in order of creation; `parentId` undefined lists all of the kind. */
  list<K extends ResourceKind>(
    kind: K,
    parentId: string | undefined,
    page: Page,
  ): Promise<{ readonly rows: readonly Row<K>[]; readonly next?: string }>;
  count(kind: ResourceKind, parentId?: string): Promise<number>;
}

export interface StoreTransaction extends StoreReader {
  /** @throws GatewayError Conflict when the id, or the name within the parent, is taken. */
  create<K extends ResourceKind>(
    kind: K,
    row: {
      readonly id: string;
      readonly parentId?: string;
      readonly name: string;
      readonly document: ResourceDocuments[K];
    },
  ): Promise<Row<K>>;
  /**
   * Replaces a document if the row still has the revision that was read. `updatedAt` moves unless `quiet`.
   * @throws GatewayError StaleRevision otherwise.
   */
  replace<K extends ResourceKind>(
    kind: K,
    row: Row<K>,
    document: ResourceDocuments[K],
    options?: { readonly quiet?: boolean },
  ): Promise<Row<K>>;
  /** True when there was such a row. */
  remove(kind: ResourceKind, id: string): Promise<boolean>;
}

/** One committed change, in order. `parentId` names the gateway for targets. */
export interface Change {
  readonly sequence: number;
  readonly kind: ResourceKind;
  readonly id: string;
  readonly parentId: string;
}

/**
 * Whether changes between `after` and these have been dropped already, because whoever asks was away for long: then
 * everything has to be read anew. Numbers of changes have no holes.
 */
export function isBehind(changes: readonly Change[], after: number): boolean {
  const [first] = changes;
  return first !== undefined && first.sequence > after + 1;
}

/** What keeps a store from working at the moment. */
export type StoreTrouble = 'unreachable' | 'read-only';

/** Connections that are busy or idle, and those who wait for one. */
export type StoreConnections = ReadonlyMap<'busy' | 'idle' | 'waiting', number>;

export interface Store extends StoreReader {
  /** Runs `work` atomically: all of its writes, or none when it throws. */
  transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T>;
  /** Changes after a sequence number, oldest first, at most 1,000; `after` 0 means from the beginning. */
  changes(after: number): Promise<readonly Change[]>;
  /** Sequence number of the newest change. */
  sequence(): Promise<number>;
  /** Calls back after each commit of this process that changed something. Returns the way to stop. */
  onChange(listener: () => void): () => void;
  /** Takes or renews a lease; false when another owner holds it unexpired. */
  lease(name: string, owner: string, ttlMs: number): Promise<boolean>;
  /** Why nothing can be written any more before a restart; undefined while that is not so. */
  failure(): string | undefined;
  /** Connections to a database that is reached over some; empty for one that is a file. For figures. */
  connections(): StoreConnections;
  /** Looks whether the store is there and, as far as reading tells, takes writes. Never rejects; may take long. */
  trouble(): Promise<StoreTrouble | undefined>;
  close(): Promise<void>;
}

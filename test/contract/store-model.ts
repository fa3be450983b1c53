// Random sequences of operations on a store beside the simplest thing that can do the same: a list in memory. Whatever
// one of them answers, refuses or keeps, the other has to as well. One suite for all implementations.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ApiKeyProviderDocument } from '../../src/core/resources.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { Row, Store, StoreReader, StoreTransaction } from '../../src/stores/store.ts';

const KIND = 'api-key-credential-provider';
type ModelRow = Row<typeof KIND>;

type Write =
  | {
      readonly do: 'create';
      readonly id: string;
      readonly parentId: string;
      readonly name: string;
      readonly n: number;
    }
  | {
      readonly do: 'replace';
      readonly id: string;
      readonly n: number;
      readonly isStale: boolean;
      readonly quiet: boolean;
    }
  | { readonly do: 'remove'; readonly id: string };
type Operation =
  | { readonly do: 'transaction'; readonly writes: readonly Write[]; readonly breaksOff: boolean }
  | { readonly do: 'list'; readonly parentId: string | undefined; readonly limit: number }
  | { readonly do: 'find'; readonly parentId: string; readonly name: string }
  | { readonly do: 'lease'; readonly name: string; readonly owner: string; readonly ttlMs: number }
  | { readonly do: 'wait'; readonly ms: number };

const id = fc.constantFrom('a', 'b', 'c', 'Z', 'ä', '😀');
const parentId = fc.constantFrom('', 'p', 'P');
const name = fc.constantFrom('one', 'One', 'two', "it's", 'ö');
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ do: fc.constant('create' as const), id, parentId, name, n: fc.nat(9) }),
  fc.record({
    do: fc.constant('replace' as const),
    id,
    n: fc.nat(9),
    isStale: fc.boolean(),
    quiet: fc.boolean(),
  }),
  fc.record({ do: fc.constant('remove' as const), id }),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('transaction' as const),
      writes: fc.array(write, { maxLength: 5 }),
      breaksOff: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('list' as const),
      parentId: fc.option(parentId, { nil: undefined }),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('find' as const), parentId, name }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('lease' as const),
      name: fc.constantFrom('l', 'm'),
      owner: fc.constantFrom('x', 'y'),
      ttlMs: fc.constantFrom(0, 5, 50),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 10) }) },
);

const documentOf = (n: number): ApiKeyProviderDocument => ({
  secretId: `s${n}`,
  secretVersion: n,
  secretSource: 'MANAGED',
  tags: {},
});

/** What the store is compared with. */
class Model {
  rows: ModelRow[] = [];
  changes: string[] = [];
  readonly leases = new Map<string, { owner: string; until: number }>();
  readonly clock: { time: number };

  constructor(clock: { time: number }) {
    this.clock = clock;
  }

  write(step: Write): string {
    const at = this.rows.findIndex((row) => row.id === step.id);
    const row = this.rows[at];
    if (step.do === 'create') {
      const isTaken = this.rows.some(
        (other) => other.id === step.id || (other.parentId === step.parentId && other.name === step.name),
      );
      if (isTaken) return 'Conflict';
      const time = this.clock.time;
      const { id: own, parentId: parent, name: called } = step;
      this.rows.push({
        id: own,
        parentId: parent,
        name: called,
        revision: 1,
        createdAt: time,
        updatedAt: time,
        document: documentOf(step.n),
      });
      this.changes.push(`${step.id} ${step.parentId}`);
      return 'done';
    }
    if (!row) return step.do === 'remove' ? 'nothing' : 'skipped';
    if (step.do === 'replace' && step.isStale) return 'StaleRevision';
    this.changes.push(`${row.id} ${row.parentId}`);
    if (step.do === 'remove') this.rows.splice(at, 1);
    else
      this.rows[at] = {
        ...row,
        revision: row.revision + 1,
        updatedAt: step.quiet ? row.updatedAt : this.clock.time,
        document: documentOf(step.n),
      };
    return 'done';
  }

  list(parent: string | undefined): readonly ModelRow[] {
    return this.rows
      .filter((row) => parent === undefined || row.parentId === parent)
      .toSorted(
        (one, other) =>
          one.createdAt - other.createdAt || Buffer.compare(Buffer.from(one.id), Buffer.from(other.id)),
      );
  }

  lease(name: string, owner: string, ttlMs: number): boolean {
    const held = this.leases.get(name);
    if (held && held.owner !== owner && held.until > this.clock.time) return false;
    this.leases.set(name, { owner, until: this.clock.time + ttlMs });
    return true;
  }
}

/** One write on the real store, as a word for what came of it. */
async function writeTo(tx: StoreTransaction, step: Write): Promise<string> {
  if (step.do === 'remove') return (await tx.remove(KIND, step.id)) ? 'done' : 'nothing';
  try {
    if (step.do === 'create') {
      const { id: own, parentId: parent, name: called, n } = step;
      await tx.create(KIND, { id: own, parentId: parent, name: called, document: documentOf(n) });
      return 'done';
    }
    const row = await tx.get(KIND, step.id);
    if (!row) return 'skipped';
    const read = step.isStale ? { ...row, revision: row.revision + 7 } : row;
    await tx.replace(KIND, read, documentOf(step.n), { quiet: step.quiet });
    return 'done';
  } catch (thrown) {
    return (thrown as { code: string }).code;
  }
}

async function pages(store: StoreReader, parent: string | undefined, limit: number): Promise<ModelRow[]> {
  const rows: ModelRow[] = [];
  for (let after: string | undefined; ;) {
    const page = await store.list(KIND, parent, { limit, ...(after === undefined ? {} : { after }) });
    rows.push(...page.rows);
    if (page.next === undefined) return rows;
    after = page.next;
  }
}

/**
 * Runs the sequences. What was refused inside a transaction leaves the rest of it usable.
 * @param runs sequences, each on a new store
 */
export function describeStoreModel(open: (clock: Clock) => Promise<Store>, runs: number): void {
  it(
    'answers as a list in memory would, whatever is done in whatever order',
    { timeout: 120_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
          const clock = { time: 1_000 };
          const store = await open({ now: () => clock.time, monotonic: () => clock.time });
          const model = new Model(clock);
          try {
            for (const step of operations) await compare(step, store, model);
            expect(await pages(store, undefined, 2)).toEqual(model.list(undefined));
            expect(await store.count(KIND)).toBe(model.rows.length);
            const changes = await store.changes(0);
            expect(changes.map((change) => `${change.id} ${change.parentId}`)).toEqual(model.changes);
            expect(await store.sequence()).toBe(model.changes.length);
          } finally {
            await store.close();
          }
        }),
        { numRuns: runs },
      );
    },
  );
}

async function compare(step: Operation, store: Store, model: Model): Promise<void> {
  switch (step.do) {
    case 'transaction': {
      const before = { rows: [...model.rows], changes: [...model.changes] };
      const expected = step.writes.map((each) => model.write(each));
      if (step.breaksOff) Object.assign(model, before);
      const outcomes: string[] = [];
      const run = store.transaction(async (tx) => {
        for (const each of step.writes) outcomes.push(await writeTo(tx, each));
        if (step.breaksOff) throw new Error('broken off');
      });
      await (step.breaksOff ? expect(run).rejects.toThrow() : run);
      expect(outcomes).toEqual(expected);
      return;
    }
    case 'list':
      expect(await pages(store, step.parentId, step.limit)).toEqual(model.list(step.parentId));
      return;
    case 'find':
      expect(await store.find(KIND, step.parentId, step.name)).toEqual(
        model.rows.find((row) => row.parentId === step.parentId && row.name === step.name),
      );
      return;
    case 'lease':
      expect(await store.lease(step.name, step.owner, step.ttlMs)).toBe(
        model.lease(step.name, step.owner, step.ttlMs),
      );
      return;
    default:
      model.clock.time += step.ms;
  }
}

// What every Store must do: one suite for all implementations. Each file of theirs calls it with a way to open one.

import { describe, expect, it } from 'vitest';
import type { ApiKeyProviderDocument, InlinePayloadDocument } from '../../src/core/resources.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { isBehind } from '../../src/stores/store.ts';
import type { Row, Store } from '../../src/stores/store.ts';

export interface StoreUnderTest {
  /** A new and empty store; the suite closes it. */
  readonly open: (clock: Clock) => Promise<Store>;
}

const provider = (secretId: string): ApiKeyProviderDocument => ({
  secretId,
  secretVersion: 1,
  secretSource: 'MANAGED',
  tags: {},
});
const payload = (text: string): InlinePayloadDocument => ({ text });
const KIND = 'api-key-credential-provider';

/** Runs the contract. */
export function describeStore(name: string, { open }: StoreUnderTest): void {
  const withStore = async (work: (store: Store, clock: { time: number }) => Promise<void>): Promise<void> => {
    const clock = { time: 1_000_000 };
    const store = await open({ now: () => clock.time, monotonic: () => clock.time });
    try {
      await work(store, clock);
    } finally {
      await store.close();
    }
  };
  const add = (store: Store, id: string, parentId = ''): Promise<Row<typeof KIND>> =>
    store.transaction((tx) => tx.create(KIND, { id, parentId, name: `name-${id}`, document: provider(id) }));

  describe(name, () => {
    it('gives back what was stored, by id and by name', () =>
      withStore(async (store, clock) => {
        const created = await add(store, 'a');
        expect(created).toEqual({
          id: 'a',
          parentId: '',
          name: 'name-a',
          revision: 1,
          createdAt: clock.time,
          updatedAt: clock.time,
          document: provider('a'),
        });
        expect(await store.get(KIND, 'a')).toEqual(created);
        expect(await store.find(KIND, '', 'name-a')).toEqual(created);
        expect(await store.get(KIND, 'b')).toBeUndefined();
        expect(await store.find(KIND, 'p', 'name-a')).toBeUndefined();
        expect(await store.find(KIND, '', 'NAME-A')).toBeUndefined();
        expect(await store.get('gateway', 'a')).toBeUndefined();
      }));

    it('keeps large documents and every character', () =>
      withStore(async (store) => {
        const texts = ['x'.repeat(100_000), 'é€😀\u0000\u2028"\\\n', '‮ abc', '{"a":1}'.repeat(20_000), ''];
        for (const [index, text] of texts.entries())
          await store.transaction((tx) =>
            tx.create('inline-payload', {
              id: `s${index}`,
              name: `n'"; -- ${index}😀`,
              document: payload(text),
            }),
          );
        for (const [index, text] of texts.entries())
          expect((await store.get('inline-payload', `s${index}`))?.document.text).toBe(text);
        expect((await store.find('inline-payload', '', `n'"; -- 1😀`))?.id).toBe('s1');
      }));

    it('lists in order of creation, page by page, whatever comes and goes between', () =>
      withStore(async (store, clock) => {
        for (const id of ['c', 'a', 'b', 'e', 'd']) {
          if (id !== 'b') clock.time += 1;
          await add(store, id, 'p');
        }
        await add(store, 'other', 'q');
        const first = await store.list(KIND, 'p', { limit: 2 });
        expect(first.rows.map(({ id }) => id)).toEqual(['c', 'a']);
        await store.transaction((tx) => tx.remove(KIND, 'a'));
        clock.time += 1;
        await add(store, 'f', 'p');
        const second = await store.list(KIND, 'p', { limit: 2, after: first.next ?? '' });
        expect(second.rows.map(({ id }) => id)).toEqual(['b', 'e']);
        const third = await store.list(KIND, 'p', { limit: 2, after: second.next ?? '' });
        expect(third.rows.map(({ id }) => id)).toEqual(['d', 'f']);
        expect(third.next).toBeUndefined();
        expect((await store.list(KIND, undefined, { limit: 100 })).rows).toHaveLength(6);
        expect(await store.count(KIND)).toBe(6);
        expect(await store.count(KIND, 'p')).toBe(5);
        expect(await store.count(KIND, 'nobody')).toBe(0);
        for (const after of ['x', '', '.', 'NaN.a', '1e999.a', '-', '12'])
          await expect(store.list(KIND, 'p', { limit: 2, after }), after).rejects.toMatchObject({
            code: 'Validation',
          });
      }));

    it('has unique ids, and unique names within a parent', () =>
      withStore(async (store) => {
        await add(store, 'a', 'p');
        const again = (id: string, parentId: string, rowName: string): Promise<unknown> =>
          store.transaction((tx) =>
            tx.create(KIND, { id, parentId, name: rowName, document: provider('x') }),
          );
        await expect(again('a', 'p', 'other')).rejects.toMatchObject({ code: 'Conflict' });
        await expect(again('b', 'p', 'name-a')).rejects.toMatchObject({ code: 'Conflict' });
        await expect(again('b', 'q', 'name-a')).resolves.toBeDefined();
        expect((await store.get(KIND, 'a'))?.document).toEqual(provider('a'));
      }));

    it('replaces only what nobody changed meanwhile', () =>
      withStore(async (store, clock) => {
        const read = await add(store, 'a');
        clock.time += 5;
        const changed = await store.transaction((tx) => tx.replace(KIND, read, provider('2')));
        expect(changed).toMatchObject({
          revision: 2,
          createdAt: read.createdAt,
          updatedAt: clock.time,
          document: provider('2'),
        });
        await expect(store.transaction((tx) => tx.replace(KIND, read, provider('3')))).rejects.toMatchObject({
          code: 'StaleRevision',
        });
        clock.time += 5;
        const quiet = await store.transaction((tx) =>
          tx.replace(KIND, changed, provider('4'), { quiet: true }),
        );
        expect(quiet).toMatchObject({ revision: 3, updatedAt: changed.updatedAt });
        expect(await store.get(KIND, 'a')).toEqual(quiet);
        await store.transaction((tx) => tx.remove(KIND, 'a'));
        await expect(store.transaction((tx) => tx.replace(KIND, quiet, provider('5')))).rejects.toMatchObject(
          { code: 'StaleRevision' },
        );
      }));

    it('removes, and says whether there was something', () =>
      withStore(async (store) => {
        await add(store, 'a');
        expect(await store.transaction((tx) => tx.remove(KIND, 'a'))).toBe(true);
        expect(await store.transaction((tx) => tx.remove(KIND, 'a'))).toBe(false);
        expect(await store.get(KIND, 'a')).toBeUndefined();
      }));

    it('undoes a transaction that throws, and passes the reason on', () =>
      withStore(async (store) => {
        const before = await add(store, 'a');
        const sequence = await store.sequence();
        let calls = 0;
        store.onChange(() => (calls += 1));
        const reason = new TypeError('broken off');
        const broken = store.transaction(async (tx) => {
          await tx.create(KIND, { id: 'b', name: 'b', document: provider('b') });
          await tx.replace(KIND, before, provider('changed'));
          expect((await tx.get(KIND, 'a'))?.document).toEqual(provider('changed'));
          throw reason;
        });
        await expect(broken).rejects.toSatisfy(
          (thrown: Error) => thrown === reason || thrown.cause === reason,
        );
        expect(await store.get(KIND, 'b')).toBeUndefined();
        expect(await store.get(KIND, 'a')).toEqual(before);
        expect([await store.sequence(), calls]).toEqual([sequence, 0]);
        await expect(add(store, 'c')).resolves.toBeDefined();
      }));

    it('runs transactions that come together one after the other', () =>
      withStore(async (store) => {
        await add(store, 'n');
        const increment = (): Promise<void> =>
          store.transaction(async (tx) => {
            const row = await tx.get(KIND, 'n');
            if (!row) throw new Error('gone');
            await new Promise((resolve) => setImmediate(resolve));
            await tx.replace(KIND, row, { ...row.document, secretVersion: row.document.secretVersion + 1 });
          });
        const outcomes = await Promise.allSettled(Array.from({ length: 20 }, increment));
        const done = outcomes.filter(({ status }) => status === 'fulfilled').length;
        expect((await store.get(KIND, 'n'))?.document.secretVersion).toBe(1 + done);
        expect(done).toBe(20);
      }));

    it('tells of commits, in order and once each', () =>
      withStore(async (store) => {
        let calls = 0;
        const stop = store.onChange(() => (calls += 1));
        expect(await store.changes(0)).toEqual([]);
        await add(store, 'a');
        const row = await store.transaction(async (tx) => {
          const created = await tx.create(KIND, {
            id: 'b',
            parentId: 'p',
            name: 'b',
            document: provider('b'),
          });
          return tx.replace(KIND, created, provider('b2'));
        });
        await store.transaction((tx) => tx.remove(KIND, row.id));
        await store.transaction((tx) => tx.remove(KIND, 'nothing'));
        const changes = await store.changes(0);
        expect(changes.map(({ id, parentId, kind }) => [kind, id, parentId])).toEqual([
          [KIND, 'a', ''],
          [KIND, 'b', 'p'],
          [KIND, 'b', 'p'],
          [KIND, 'b', 'p'],
        ]);
        const numbers = changes.map(({ sequence }) => sequence);
        expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
        expect(new Set(numbers).size).toBe(4);
        expect(await store.sequence()).toBe(numbers.at(-1));
        expect(await store.changes(numbers[1] ?? 0)).toEqual(changes.slice(2));
        expect(calls).toBe(3);
        stop();
        await add(store, 'c');
        expect(calls).toBe(3);
      }));

    it('gives at most a thousand changes at once, and all of them in the end', () =>
      withStore(async (store) => {
        await store.transaction(async (tx) => {
          for (let index = 0; index < 1100; index += 1)
            await tx.create(KIND, { id: `i${index}`, name: `i${index}`, document: provider('x') });
        });
        const first = await store.changes(0);
        expect(first).toHaveLength(1000);
        expect(await store.changes(first.at(-1)?.sequence ?? 0)).toHaveLength(100);
      }));

    it('keeps ten thousand changes, and whoever is further behind can tell', { timeout: 60_000 }, () =>
      withStore(async (store) => {
        await add(store, 'first');
        await store.transaction(async (tx) => {
          for (let index = 0; index < 10_500; index += 1)
            await tx.create(KIND, { id: `i${index}`, name: `i${index}`, document: provider('x') });
        });
        const sequence = await store.sequence();
        expect(isBehind(await store.changes(0), 0)).toBe(true);
        expect(isBehind(await store.changes(1), 1)).toBe(true);
        for (const after of [sequence - 9_999, sequence - 1, sequence])
          expect([after, isBehind(await store.changes(after), after)]).toEqual([after, false]);
      }),
    );

    it('leases to one owner at a time, until it runs out or is given back', () =>
      withStore(async (store, clock) => {
        expect(await store.lease('l', 'ann', 1000)).toBe(true);
        expect(await store.lease('l', 'bob', 1000)).toBe(false);
        expect(await store.lease('m', 'bob', 1000)).toBe(true);
        clock.time += 999;
        expect(await store.lease('l', 'bob', 1000)).toBe(false);
        expect(await store.lease('l', 'ann', 1000)).toBe(true);
        clock.time += 999;
        expect(await store.lease('l', 'bob', 1000)).toBe(false);
        clock.time += 1;
        expect(await store.lease('l', 'bob', 1000)).toBe(true);
        expect(await store.lease('l', 'ann', 1000)).toBe(false);
        expect(await store.lease('l', 'bob', 0)).toBe(true);
        expect(await store.lease('l', 'ann', 1000)).toBe(true);
        const asked = await Promise.all(['a', 'b', 'c'].map((owner) => store.lease('race', owner, 1000)));
        expect(asked.filter(Boolean)).toHaveLength(1);
      }));
  });
}

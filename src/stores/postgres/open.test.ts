// PostgreSQL as a store: the contract on a real server, and what is its own: many processes, notifications, outages.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeStoreModel } from '../../../test/contract/store-model.ts';
import { describeStore } from '../../../test/contract/store.ts';
import { hasPostgres, openPostgres } from '../../../test/support/postgres.ts';
import type { Postgres } from '../../../test/support/postgres.ts';
import { Secret } from '../../lib/secret.ts';
import type { Store } from '../store.ts';
import { openPostgresStore } from './open.ts';

describe.skipIf(!hasPostgres)('PostgreSQL', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await openPostgres();
  }, 60_000);
  afterAll(() => postgres?.stop());
  const open = async (url: string): Promise<Store> => openPostgresStore({ url: new Secret(url) });

  describeStore('the contract', {
    open: async (clock) => openPostgresStore({ url: new Secret(await postgres.newDatabase()), clock }),
  });

  describeStoreModel(
    async (clock) => openPostgresStore({ url: new Secret(await postgres.newDatabase()), clock }),
    20,
  );

  const provider = { secretId: 's', secretVersion: 1, secretSource: 'MANAGED', tags: {} } as const;
  const KIND = 'api-key-credential-provider';
  const add = (store: Store, id: string) =>
    store.transaction((tx) => tx.create(KIND, { id, name: id, document: provider }));

  it('is prepared once, however many nodes start together', async () => {
    const url = await postgres.newDatabase();
    const stores = await Promise.all(Array.from({ length: 5 }, () => open(url)));
    await Promise.all(stores.map((store, index) => add(store, `n${index}`)));
    expect(await stores[0]?.count(KIND)).toBe(5);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('tells each process of the others’ changes', async () => {
    const url = await postgres.newDatabase();
    const [one, two] = [await open(url), await open(url)];
    let [told, own] = [0, 0];
    two.onChange(() => (told += 1));
    one.onChange(() => (own += 1));
    await add(one, 'a');
    await expect.poll(() => told).toBeGreaterThan(0);
    expect(await two.changes(0)).toHaveLength(1);
    const before = own;
    await add(one, 'b');
    expect(own).toBe(before + 1);
    await one.close();
    await two.close();
  });

  it('is written by two processes at once without loss, in one order', async () => {
    const url = await postgres.newDatabase();
    const stores = [await open(url), await open(url)];
    await add(stores[0] as Store, 'n');
    await Promise.all(
      stores.flatMap((store) =>
        Array.from({ length: 25 }, () =>
          store.transaction(async (tx) => {
            const row = await tx.get(KIND, 'n');
            if (!row) throw new Error('gone');
            await tx.replace(KIND, row, { ...row.document, secretVersion: row.document.secretVersion + 1 });
          }),
        ),
      ),
    );
    expect((await stores[0]?.get(KIND, 'n'))?.document.secretVersion).toBe(51);
    const changes = (await stores[1]?.changes(0)) ?? [];
    expect(changes.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 51 }, (_, index) => index + 1),
    );
    await Promise.all(stores.map((store) => store.close()));
  });

  it('of a newer version is refused by name, and not touched', async () => {
    const url = await postgres.newDatabase();
    const store = await open(url);
    await store.close();
    const { Client } = await import('pg');
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(`insert into kysely_migration (name, timestamp) values ('9999-later', '2099-01-01')`);
    await client.end();
    await expect(open(url)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/newer version/),
    });
  });

  it('that takes no writes says so, and says when it does again', async () => {
    const url = await postgres.newDatabase();
    const store = await open(url);
    expect(await store.trouble()).toBeUndefined();
    const { Client } = await import('pg');
    const client = new Client({ connectionString: url });
    await client.connect();
    const setReadOnly = async (value: 'on' | 'off'): Promise<void> => {
      await client.query('set default_transaction_read_only = off');
      await client.query(
        `alter database ${new URL(url).pathname.slice(1)} set default_transaction_read_only = ${value}`,
      );
      // The setting counts for new connections.
      await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
      );
    };
    await setReadOnly('on');
    await expect.poll(() => store.trouble()).toBe('read-only');
    await expect(add(store, 'a')).rejects.toMatchObject({ code: 'Unavailable' });
    await setReadOnly('off');
    await expect.poll(() => store.trouble()).toBeUndefined();
    await add(store, 'a');
    await client.end();
    await store.close();
    expect(await store.trouble()).toBe('unreachable');
  });

  it('that is not there, or lets nobody in, is Unavailable and shows no password', async () => {
    for (const url of [
      'postgres://u:hunter2@127.0.0.1:1/x',
      `${postgres.url}x`.replace('//', '//a:hunter2@').replace('gatewright@', ''),
    ])
      await expect(open(url)).rejects.toSatisfy(
        (thrown: Error) =>
          'code' in thrown && thrown.code === 'Unavailable' && !thrown.message.includes('hunter2'),
      );
  });

  it('that is killed and comes back: calls fail by name meanwhile, and go on with what was acknowledged', async () => {
    const server = await openPostgres();
    const troubles: string[] = [];
    const store = await openPostgresStore({
      url: new Secret(await server.newDatabase()),
      onTrouble: (message) => troubles.push(message),
    });
    let told = 0;
    store.onChange(() => (told += 1));
    await add(store, 'a');
    // Killed in the middle of transactions, too: whoever waits for one hears of it, and the process lives.
    const open = Promise.withResolvers<void>();
    const broken = store.transaction(async (tx) => {
      await tx.get(KIND, 'a');
      open.resolve();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await tx.remove(KIND, 'a');
    });
    const outcome = expect(broken).rejects.toMatchObject({ code: 'Unavailable' });
    await open.promise;
    await server.kill();
    await outcome;
    await expect(add(store, 'b')).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(store.get(KIND, 'a')).rejects.toMatchObject({ code: 'Unavailable' });
    expect(troubles.length).toBeGreaterThan(0);
    await server.start();
    await expect.poll(() => store.count(KIND).catch(() => -1)).toBe(1);
    // Whatever was notified meanwhile is lost: listeners are told to look.
    const before = told;
    await expect.poll(() => told, { timeout: 15_000 }).toBeGreaterThan(before);
    await add(store, 'c');
    await store.close();
    await server.stop();
  }, 40_000);
});

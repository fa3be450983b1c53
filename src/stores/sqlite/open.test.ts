// SQLite as a store: the contract, and what is its own: the file, its mode, its version, its damage.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { describeStoreModel } from '../../../test/contract/store-model.ts';
import { describeStore } from '../../../test/contract/store.ts';
import { systemClock } from '../../lib/clock.ts';
import { openSqliteStore } from './open.ts';

const root = mkdtempSync(join(tmpdir(), 'gatewright-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let files = 0;
const newPath = (): string => join(root, `${(files += 1)}`, 'gatewright.db');

describeStore('SQLite in a file', { open: (clock) => openSqliteStore(newPath(), clock) });
describeStore('SQLite in memory', { open: (clock) => openSqliteStore(':memory:', clock) });
describe('SQLite in memory', () => describeStoreModel((clock) => openSqliteStore(':memory:', clock), 150));
describe('SQLite in a file', () => describeStoreModel((clock) => openSqliteStore(newPath(), clock), 15));

const provider = { secretId: 's', secretVersion: 1, secretSource: 'MANAGED', tags: {} } as const;
const KIND = 'api-key-credential-provider';

describe('the database file', () => {
  it('can be read by its owner only, whatever the folder allows', async () => {
    const path = newPath();
    mkdirSync(join(path, '..'), { mode: 0o755 });
    const store = await openSqliteStore(path);
    await store.transaction((tx) => tx.create(KIND, { id: 'a', name: 'a', document: provider }));
    for (const name of readdirSync(join(path, '..')))
      expect((statSync(join(path, '..', name)).mode & 0o777).toString(8), name).toBe('600');
    await store.close();
  });

  it('keeps what was committed, and brings an open one no harm', async () => {
    const path = newPath();
    const [one, two] = [await openSqliteStore(path), await openSqliteStore(path)];
    await one.transaction((tx) => tx.create(KIND, { id: 'a', name: 'a', document: provider }));
    expect((await two.get(KIND, 'a'))?.name).toBe('a');
    expect(await two.changes(0)).toHaveLength(1);
    await expect(
      two.transaction((tx) => tx.create(KIND, { id: 'a', name: 'b', document: provider })),
    ).rejects.toMatchObject({ code: 'Conflict' });
    await one.close();
    await two.close();
    const again = await openSqliteStore(path);
    expect(await again.count(KIND)).toBe(1);
    await again.close();
  });

  it('is written by two processes at once without loss', async () => {
    const path = newPath();
    const store = await openSqliteStore(path);
    const script = `
      const { openSqliteStore } = await import(${JSON.stringify(new URL('open.ts', import.meta.url).href)});
      const store = await openSqliteStore(${JSON.stringify(path)});
      for (let i = 0; i < 50; i += 1)
        await store.transaction((tx) => tx.create('${KIND}', { id: 'other' + i, name: 'other' + i, document: ${JSON.stringify(provider)} }));
      await store.close();`;
    const other = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    for (let index = 0; index < 50; index += 1) {
      await store.transaction((tx) =>
        tx.create(KIND, { id: `own${index}`, name: `own${index}`, document: provider }),
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await other;
    expect(await store.count(KIND)).toBe(100);
    const changes = await store.changes(0);
    expect(changes.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    await store.close();
  });

  it('of a newer version is refused by name, and not touched', async () => {
    const path = newPath();
    await (await openSqliteStore(path)).close();
    const database = new DatabaseSync(path);
    database.exec(`insert into kysely_migration (name, timestamp) values ('9999-later', '2099-01-01')`);
    database.close();
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/newer version/),
    });
  });

  it('that is none is refused by name', async () => {
    const path = newPath();
    mkdirSync(join(path, '..'));
    writeFileSync(path, 'this is no database, and long enough to be taken for one');
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining(path),
    });
    await expect(openSqliteStore('/dev/null/gatewright.db')).rejects.toMatchObject({ code: 'Unavailable' });
  });

  it('that is damaged in one row says which, and gives the others', async () => {
    const path = newPath();
    const unreadable: string[] = [];
    const store = await openSqliteStore(path, systemClock, {
      onUnreadable: ({ id }) => unreadable.push(id),
    });
    for (const id of ['a', 'b', 'c'])
      await store.transaction((tx) => tx.create(KIND, { id, name: id, document: provider }));
    const database = new DatabaseSync(path);
    database.exec(`update api_key_credential_provider set document = '{"half' where id = 'b'`);
    database.close();
    await expect(store.get(KIND, 'b')).rejects.toMatchObject({
      code: 'Internal',
      message: expect.stringContaining('b'),
    });
    const first = await store.list(KIND, undefined, { limit: 2 });
    expect(first.rows.map(({ id }) => id)).toEqual(['a']);
    const second = await store.list(KIND, undefined, { limit: 2, after: first.next ?? '' });
    expect(second.rows.map(({ id }) => id)).toEqual(['c']);
    expect(unreadable).toEqual(['b']);
    await store.close();
  });
});

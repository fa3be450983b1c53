// Servers and networks that fall silent: what was begun then is undone, and connections that lead nowhere are replaced.

import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasPostgres, openPostgres } from '../../../test/support/postgres.ts';
import type { Postgres } from '../../../test/support/postgres.ts';
import { Secret } from '../../lib/secret.ts';
import { givingUpLate } from './late-connections.ts';
import { openPostgresStore } from './open.ts';
import { followNotifications } from './notifications.ts';

/** A way to a server, of which some connections lead nowhere from a moment on: nothing passes, and nobody is told. */
async function openLine(url: string): Promise<{ url: string; silence(): void; close(): void }> {
  const { port, hostname } = new URL(url);
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    pairs.add([near, far]);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    silence() {
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
        near.resume();
      }
    },
    close() {
      for (const sockets of pairs) for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe.skipIf(!hasPostgres)('silence', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await openPostgres();
  }, 60_000);
  afterAll(() => postgres?.stop());

  it('of the server in the middle of a transaction: nothing of it is committed by the next one', async () => {
    const pool = new Pool({ connectionString: await postgres.newDatabase(), query_timeout: 300, max: 1 });
    pool.on('error', () => undefined);
    const db = new Kysely<{ kept: { n: number } }>({
      dialect: new PostgresDialect({ pool: givingUpLate(pool) }),
    });
    await sql`create table kept (n integer)`.execute(db);
    const cut = db.transaction().execute(async (trx) => {
      await trx.insertInto('kept').values({ n: 1 }).execute();
      postgres.freeze();
      await trx.insertInto('kept').values({ n: 2 }).execute();
    });
    await expect(cut).rejects.toThrow('Query read timeout');
    postgres.thaw();
    await db.transaction().execute((trx) => trx.insertInto('kept').values({ n: 3 }).execute());
    expect(await db.selectFrom('kept').selectAll().execute()).toEqual([{ n: 3 }]);
    await db.destroy();
  });

  it('of the server at the end: the store is closed all the same', { timeout: 15_000 }, async () => {
    const store = await openPostgresStore({ url: new Secret(await postgres.newDatabase()) });
    await Promise.all(Array.from({ length: 5 }, () => store.sequence()));
    postgres.freeze();
    const asked = store.sequence();
    asked.catch(() => undefined);
    await store.close();
    await expect(asked).rejects.toMatchObject({ code: 'Unavailable' });
    postgres.thaw();
  });

  it('of the line: a connection that leads nowhere is used once and no more', async () => {
    const line = await openLine(await postgres.newDatabase());
    const pool = new Pool({ connectionString: line.url, query_timeout: 300, max: 1 });
    pool.on('error', () => undefined);
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: givingUpLate(pool) }) });
    const ask = () => sql`select 1`.execute(db);
    await ask();
    line.silence();
    await expect(ask()).rejects.toThrow('Query read timeout');
    expect((await ask()).rows).toHaveLength(1);
    await db.destroy();
    line.close();
  });

  it('of the line that listens for changes: it is noticed, and listening goes on', async () => {
    const url = await postgres.newDatabase();
    const line = await openLine(url);
    const troubles: unknown[] = [];
    const notifications = followNotifications({
      settings: { connectionString: line.url },
      channel: 'a_change',
      own: 'own',
      onTrouble: (thrown) => troubles.push(thrown),
      beatMs: 500,
    });
    await notifications.ready;
    let told = 0;
    notifications.listen(() => (told += 1));
    line.silence();
    // As after every reconnection: there may have been something meanwhile.
    await expect.poll(() => told, { timeout: 10_000 }).toBe(1);
    expect(String(troubles[0])).toContain('fell silent');
    const pool = new Pool({ connectionString: url });
    await pool.query(`select pg_notify('a_change', 'other')`);
    await expect.poll(() => told).toBe(2);
    await pool.end();
    await notifications.close();
    line.close();
  });
});

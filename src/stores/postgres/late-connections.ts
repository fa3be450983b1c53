// A pool whose connections are given up when an answer is late. The driver only stops waiting: it would hand out the same
// connection again, on which everything waits behind the answer that never comes, for as long as the system goes on
// believing in the connection (a quarter of an hour when the network has lost it without a word).

import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient } from 'pg';

/** What the driver says when `query_timeout` has passed; it has no code. */
const LATE = 'Query read timeout';

/** The same pool, for Kysely. */
export function givingUpLate(pool: Pool): PostgresPool {
  return {
    options: pool.options,
    connect: async () => givingUp(await pool.connect()),
    end: () => pool.end(),
  };
}

function givingUp(client: PoolClient): PostgresPoolClient {
  let lateness: unknown;
  async function query(text: string, values: readonly unknown[]): Promise<unknown> {
    // Also no rollback: the server does that when the connection is gone.
    if (lateness !== undefined) throw lateness;
    try {
      return await client.query(text, [...values]);
    } catch (thrown) {
      if (thrown instanceof Error && thrown.message === LATE) lateness = thrown;
      throw thrown;
    }
  }
  return {
    // Kysely asks for cursors only where it was given some.
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroys) => client.release(destroys === true || lateness !== undefined),
  };
}

// A consent that nobody gives ends the waiting for it, and nothing else.

import { expect, it } from 'vitest';
import type { TargetStatus } from '../../core/resources.ts';
import { openSqliteStore } from '../../stores/sqlite/open.ts';
import { endWaiting } from './authorization.ts';

it('ends after eleven minutes, so that the target can be changed or deleted; other targets stay as they are', async () => {
  let now = 1_800_000_000_000;
  const clock = { now: () => now, monotonic: () => now };
  const store = await openSqliteStore(':memory:', clock);
  const wanted: Readonly<Record<string, TargetStatus>> = {
    CREATE_PENDING_AUTH: 'FAILED',
    UPDATE_PENDING_AUTH: 'UPDATE_UNSUCCESSFUL',
    SYNCHRONIZE_PENDING_AUTH: 'SYNCHRONIZE_UNSUCCESSFUL',
    READY: 'READY',
    SYNCHRONIZING: 'SYNCHRONIZING',
  };
  await store.transaction(async (tx) => {
    await tx.create('gateway', { id: 'gw', name: 'gw', document: {} as never });
    for (const status of Object.keys(wanted))
      await tx.create('gateway-target', {
        id: status,
        parentId: 'gw',
        name: status,
        document: {
          status: status as TargetStatus,
          statusReasons: [],
          targetConfiguration: {},
          credentialProviderConfigurations: [],
          authorization: { authorizationUrl: 'https://gateway.example/', userId: 'u' },
          tags: {},
        },
      });
  });
  const statuses = async (): Promise<Record<string, TargetStatus | undefined>> =>
    Object.fromEntries(
      await Promise.all(
        Object.keys(wanted).map(
          async (id) => [id, (await store.get('gateway-target', id))?.document.status] as const,
        ),
      ),
    );
  now += 10 * 60_000;
  await endWaiting({ store, clock });
  expect(await statuses()).toEqual(Object.fromEntries(Object.keys(wanted).map((status) => [status, status])));
  now += 61_000;
  await endWaiting({ store, clock });
  expect(await statuses()).toEqual(wanted);
  const ended = (await store.get('gateway-target', 'CREATE_PENDING_AUTH'))?.document;
  expect(ended?.authorization).toBeUndefined();
  expect(ended?.statusReasons).toEqual([
    'Consent was not given within ten minutes. Update the target, or delete it.',
  ]);
  await store.close();
});

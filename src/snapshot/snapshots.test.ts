// Snapshots over a real store (in memory) with plug-ins made for the test.

import { afterEach, describe, expect, it } from 'vitest';
import { createArns } from '../core/arn.ts';
import type { GatewayDocument, TargetDocument } from '../core/resources.ts';
import { systemClock } from '../lib/clock.ts';
import { openSqliteStore } from '../stores/sqlite/open.ts';
import type { Store } from '../stores/store.ts';
import type { TargetType } from '../targets/target-type.ts';
import { NO_STDIO_SERVERS } from '../upstream/stdio/servers.ts';
import { createSnapshots } from './snapshots.ts';
import type { Snapshots } from './snapshots.ts';
import { credentialServices } from '../../test/support/target-services.ts';

const scope = { region: 'us-east-1', accountId: '000000000000' };
const gateway = (more: Partial<GatewayDocument> = {}): GatewayDocument => ({
  status: 'READY',
  statusReasons: [],
  roleArn: 'arn:aws:iam::000000000000:role/x',
  authorizerType: 'NONE',
  settings: {},
  tags: {},
  ...more,
});
const target = (catalogueId: string, more: Partial<TargetDocument> = {}): TargetDocument => ({
  status: 'READY',
  statusReasons: [],
  targetConfiguration: { mcp: { fake: {} } },
  credentialProviderConfigurations: [],
  live: { targetConfiguration: { mcp: { fake: {} } }, credentialProviderConfigurations: [], catalogueId },
  tags: {},
  ...more,
});
const catalogue = (...names: string[]) => ({
  entries: names.map((name) => ({ name, definition: '{"inputSchema":{"type":"object"}}', plan: '{}' })),
  report: {
    source: 'x',
    format: 'x',
    operations: names.length,
    tools: names.length,
    skipped: 0,
    notes: [],
    warnings: [],
  },
});

let open: { store: Store; snapshots: Snapshots } | undefined;
afterEach(async () => {
  await open?.snapshots.close();
  await open?.store.close();
});

async function bench(away: { is: boolean } = { is: false }) {
  const store = await openSqliteStore(':memory:');
  const errors: string[] = [];
  const reasons: string[] = [];
  const log = {
    error: (_: object, message: string) => void errors.push(message),
    warn: ({ reason }: { readonly reason?: unknown }) => void reasons.push(String(reason)),
    info() {},
    debug() {},
  };
  let prepared = 0;
  let isBroken = false;
  const type: TargetType = {
    type: 'FAKE',
    member: ['mcp', 'fake'],
    credentialTypes: [],
    check: () => [],
    discover: () => Promise.reject(new Error('not here')),
    prepare: () => {
      if (isBroken) throw new Error('cannot be prepared');
      return { createTool: () => ({ call: () => Promise.resolve({ content: [], isError: false }) }) };
    },
  };
  const authorize = () => Promise.resolve({ type: 'anonymous' as const, id: 'anonymous' });
  const snapshots = createSnapshots({
    store: {
      ...store,
      changes: (after: number) => (away.is ? Promise.reject(new Error('away')) : store.changes(after)),
    },
    scope,
    arns: createArns(scope),
    log,
    clock: systemClock,
    egress: {
      request: () => Promise.reject(new Error('not here')),
      stream: () => Promise.reject(new Error('not here')),
    },
    stdio: NO_STDIO_SERVERS,
    functionsWith: () => ({ invoke: () => Promise.reject(new Error('not here')) }),
    allowsAnybody: true,
    allowsPassthrough: false,
    tokensFor: () => credentialServices().tokens,
    awsCredentialsOf: () => Promise.resolve(undefined),
    accessKeys: { find: () => Promise.resolve(undefined), used: () => undefined },
    urlOf: (id) => `http://x/${id}`,
    targetTypes: [type],
    authorizerTypes: [
      {
        type: 'NONE',
        check: () => [],
        prepare: () => {
          prepared += 1;
          return { authorize };
        },
      },
    ],
    credentialTypes: [],
    openSecret: () => {
      throw new Error('not here');
    },
  });
  open = { store, snapshots };
  return { store, snapshots, errors, reasons, prepared: () => prepared, break: () => (isBroken = true) };
}

describe('snapshots', () => {
  it('are all there after start, and follow what is committed', async () => {
    const { store, snapshots } = await bench();
    await store.transaction(async (tx) => {
      await tx.create('gateway', {
        id: 'g-1',
        name: 'g',
        document: gateway({ tags: { 'gatewright:tool-names': 'bare' } }),
      });
      await tx.create('catalogue', { id: 'c1', name: 'c1', document: catalogue('list', 'open') });
      await tx.create('gateway-target', { id: 't1', parentId: 'g-1', name: 'pets', document: target('c1') });
    });
    await snapshots.start();
    expect([...(snapshots.get('g-1')?.tools.keys() ?? [])]).toEqual(['list', 'open']);
    const swapped = new Promise((resolve) => snapshots.onSwap(resolve));
    await store.transaction(async (tx) => {
      await tx.create('catalogue', { id: 'c2', name: 'c2', document: catalogue('list') });
      await tx.create('gateway-target', { id: 't2', parentId: 'g-1', name: 'shops', document: target('c2') });
    });
    expect(await swapped).toBe('g-1');
    expect([...(snapshots.get('g-1')?.tools.keys() ?? [])]).toEqual(['pets___list', 'open', 'shops___list']);
  });

  it('are read anew when more has changed than is kept of changes', { timeout: 60_000 }, async () => {
    const away = { is: false };
    const { store, snapshots, reasons } = await bench(away);
    await store.transaction(async (tx) => {
      for (const id of ['g-1', 'g-2']) await tx.create('gateway', { id, name: id, document: gateway() });
    });
    await snapshots.start();
    expect(snapshots.get('g-1')).toBeDefined();
    // The node cannot read while the others delete one gateway, make another, and go on.
    away.is = true;
    await store.transaction((tx) => tx.remove('gateway', 'g-1'));
    await store.transaction((tx) => tx.create('gateway', { id: 'g-3', name: 'g-3', document: gateway() }));
    await store.transaction(async (tx) => {
      for (let index = 0; index < 10_500; index += 1) {
        const id = `m${index}`;
        await tx.create('mailbox', { id, name: id, document: { sealed: '', expiresAt: 0 } });
      }
    });
    expect(snapshots.get('g-1')).toBeDefined();
    // Another node may have made it: that it is not there cannot be said.
    await expect(snapshots.seek('g-3')).rejects.toMatchObject({ code: 'Unavailable' });
    // The log has the database's own words.
    expect(new Set(reasons)).toEqual(new Set(['away']));
    away.is = false;
    await expect.poll(() => snapshots.seek('g-3').catch(() => undefined), { timeout: 10_000 }).toBeDefined();
    expect([snapshots.get('g-1'), snapshots.get('g-2') !== undefined]).toEqual([undefined, true]);
    expect(await snapshots.seek('g-4')).toBeUndefined();
  });

  it('show nothing of a gateway or target on its way out', async () => {
    const { store, snapshots } = await bench();
    await store.transaction(async (tx) => {
      await tx.create('gateway', { id: 'g-1', name: 'g', document: gateway() });
      await tx.create('catalogue', { id: 'c1', name: 'c1', document: catalogue('list') });
      await tx.create('gateway-target', {
        id: 't1',
        parentId: 'g-1',
        name: 'pets',
        document: target('c1', { status: 'DELETING' }),
      });
    });
    await snapshots.refresh('g-1');
    expect(snapshots.get('g-1')?.tools.size).toBe(0);
    const row = await store.get('gateway', 'g-1');
    if (row) await store.transaction((tx) => tx.replace('gateway', row, gateway({ status: 'DELETING' })));
    await snapshots.refresh('g-1');
    expect(snapshots.get('g-1')).toBeUndefined();
  });

  it('leave out a target that cannot be prepared, and keep the last good state of a gateway that cannot be compiled', async () => {
    const { store, snapshots, errors, ...rest } = await bench();
    await store.transaction(async (tx) => {
      await tx.create('gateway', { id: 'g-1', name: 'g', document: gateway() });
      await tx.create('catalogue', { id: 'c1', name: 'c1', document: catalogue('list') });
      await tx.create('gateway-target', { id: 't1', parentId: 'g-1', name: 'pets', document: target('c1') });
    });
    await snapshots.start();
    const good = snapshots.get('g-1');
    const row = await store.get('gateway', 'g-1');
    if (row)
      await store.transaction((tx) => tx.replace('gateway', row, gateway({ authorizerType: 'AWS_IAM' })));
    await expect(snapshots.refresh('g-1')).rejects.toMatchObject({ code: 'Unavailable' });
    expect(snapshots.get('g-1')).toBe(good);
    rest.break();
    const changed = await store.get('gateway', 'g-1');
    if (changed)
      await store.transaction((tx) => tx.replace('gateway', changed, gateway({ exceptionLevel: 'DEBUG' })));
    await snapshots.refresh('g-1');
    expect(snapshots.get('g-1')?.tools.size).toBe(0);
    expect(errors).toContain('target left out: it cannot be prepared');
  });

  it('a damaged catalogue costs its target only; a gateway that never could be served says so', async () => {
    const { store, snapshots } = await bench();
    await store.transaction(async (tx) => {
      await tx.create('gateway', { id: 'g-1', name: 'g', document: gateway() });
      await tx.create('gateway', { id: 'g-2', name: 'h', document: gateway({ authorizerType: 'AWS_IAM' }) });
      await tx.create('catalogue', { id: 'c1', name: 'c1', document: catalogue('list') });
      await tx.create('catalogue', { id: 'c2', name: 'c2', document: {} as never });
      for (const [id, catalogueId] of [
        ['t1', 'c1'],
        ['t2', 'c2'],
        ['t3', 'none'],
      ] as const)
        await tx.create('gateway-target', { id, parentId: 'g-1', name: id, document: target(catalogueId) });
    });
    await snapshots.start();
    expect([...(snapshots.get('g-1')?.tools.keys() ?? [])]).toEqual(['t1___list']);
    expect(() => snapshots.get('g-2')).toThrow(/cannot be served/);
    expect(snapshots.get('g-3')).toBeUndefined();
  });

  it('keep the authorizer, with its caches, while its configuration stays', async () => {
    const { store, snapshots, prepared } = await bench();
    await store.transaction((tx) => tx.create('gateway', { id: 'g-1', name: 'g', document: gateway() }));
    await snapshots.refresh('g-1');
    await Promise.all([snapshots.refresh('g-1'), snapshots.refresh('g-1'), snapshots.refresh('g-1')]);
    expect(prepared()).toBe(1);
    const row = await store.get('gateway', 'g-1');
    if (row)
      await store.transaction((tx) =>
        tx.replace('gateway', row, gateway({ authorizerConfiguration: { x: 1 } })),
      );
    await snapshots.refresh('g-1');
    expect(prepared()).toBe(2);
  });
});

// All snapshots of this process, in memory. Loaded before the process is ready, renewed when the store says that
// something changed, swapped whole. A gateway whose new state cannot be compiled keeps its last good snapshot.
// `get` never waits and never reads the store.

import type { Authorizer } from '../authorizers/authorizer.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import { parseArn } from '../core/arn.ts';
import type { ArnScope } from '../core/arn.ts';
import type { SealedSecret } from '../core/resources.ts';
import type { Secret } from '../lib/secret.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import type { Change, Row, Store } from '../stores/store.ts';
import { compileSnapshot } from './compile.ts';
import type { SnapshotInput, SnapshotServices } from './compile.ts';
import type { GatewaySnapshot } from './snapshot.ts';

const PAGE = 100;
const POLL_MS = 2_000;

export interface SnapshotsServices extends SnapshotServices {
  readonly store: Store;
  readonly scope: ArnScope;
  openSecret(
    sealed: SealedSecret,
    binding: { type: string; recordId: string; field: string; version: number },
  ): Secret;
}

export interface Snapshots {
  /** @throws GatewayError Unavailable for a gateway that is there but cannot be served. */
  get(gatewayId: string): GatewaySnapshot | undefined;
  /** Loads everything, then follows changes. */
  start(): Promise<void>;
  /** Resolves when the present state of the store for this gateway is what `get` gives. */
  refresh(gatewayId: string): Promise<void>;
  /** Called with a gateway's id after its snapshot was swapped. */
  onSwap(listener: (gatewayId: string) => void): () => void;
  close(): Promise<void>;
}

interface Held {
  readonly snapshot: GatewaySnapshot;
  readonly authorizerKey: string;
  readonly providers: ReadonlySet<string>;
}

/** The snapshots of one process. Call `start` before `get`. */
export function createSnapshots(services: SnapshotsServices): Snapshots {
  const { store, log } = services;
  const held = new Map<string, Held>();
  const flights = new SingleFlight<void>();
  /** There, but not servable, and never was since the start. */
  const broken = new Set<string>();
  const listeners = new Set<(gatewayId: string) => void>();
  let sequence = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopListening: (() => void) | undefined;

  async function load(gatewayId: string): Promise<void> {
    const gateway = await store.get('gateway', gatewayId);
    broken.delete(gatewayId);
    if (!gateway || gateway.document.status === 'DELETING') {
      if (held.delete(gatewayId)) for (const listener of listeners) listener(gatewayId);
      return;
    }
    const before = held.get(gatewayId);
    const targets = await readTargets(gatewayId);
    const providers = new Set(targets.flatMap(({ row }) => providerArnsOf(row)));
    const authorizerKey = JSON.stringify([
      gateway.document.authorizerType,
      gateway.document.authorizerConfiguration,
    ]);
    const reusable: Authorizer | undefined =
      before?.authorizerKey === authorizerKey ? before.snapshot.authorizer : undefined;
    const input: SnapshotInput = {
      gateway,
      targets,
      secrets: await readSecrets(providers),
      ...(reusable ? { authorizer: reusable } : {}),
    };
    held.set(gatewayId, { snapshot: compileSnapshot(input, services), authorizerKey, providers });
    for (const listener of listeners) listener(gatewayId);
  }

  async function readTargets(gatewayId: string): Promise<SnapshotInput['targets']> {
    const targets: {
      row: Row<'gateway-target'>;
      catalogue: SnapshotInput['targets'][number]['catalogue'];
    }[] = [];
    for await (const row of all('gateway-target', gatewayId)) {
      if (!row.document.live || row.document.status === 'DELETING') continue;
      const { catalogueId } = row.document.live;
      const catalogue = await unlessDamaged(() => store.get('catalogue', catalogueId));
      if (catalogue) targets.push({ row, catalogue: catalogue.document });
      else log.error({ gatewayId, targetId: row.id }, 'target left out: its catalogue is missing or damaged');
    }
    return targets;
  }

  function providerArnsOf(row: Row<'gateway-target'>): readonly string[] {
    return (row.document.live?.credentialProviderConfigurations ?? []).flatMap((configuration) => {
      const type = services.credentialTypes.find(
        (candidate) => candidate.type === configuration['credentialProviderType'],
      );
      const provider = configuration['credentialProvider'];
      return type?.providerArns(isJsonObject(provider) ? provider : undefined) ?? [];
    });
  }

  async function readSecrets(arns: ReadonlySet<string>): Promise<Map<string, Secret | GatewayError>> {
    const secrets = new Map<string, Secret | GatewayError>();
    for (const arn of arns) {
      const reference = parseArn(arn, services.scope);
      if (reference?.kind !== 'api-key-credential-provider') continue;
      const { name } = reference;
      const provider = await unlessDamaged(() => store.find('api-key-credential-provider', '', name));
      const sealed = provider && (await unlessDamaged(() => store.get('secret', provider.document.secretId)));
      if (!provider || !sealed) continue;
      try {
        const binding = {
          type: 'api-key',
          recordId: sealed.id,
          field: 'apiKey',
          version: provider.document.secretVersion,
        };
        secrets.set(arn, services.openSecret(sealed.document, binding));
      } catch (thrown) {
        const fault = toGatewayError(thrown);
        log.error(
          { providerArn: arn, reason: fault.details.internal ?? fault.message },
          'a secret does not open',
        );
        secrets.set(arn, fault);
      }
    }
    return secrets;
  }

  /** A damaged row costs only what it holds; a store that cannot be reached is another matter, and thrown. */
  async function unlessDamaged<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await read();
    } catch (thrown) {
      const fault = toGatewayError(thrown);
      if (fault.code !== 'Internal') throw fault;
      log.error({ reason: fault.message }, 'a stored row is damaged');
      return undefined;
    }
  }

  async function* all<K extends 'gateway' | 'gateway-target'>(
    kind: K,
    parentId?: string,
  ): AsyncGenerator<Row<K>> {
    let after: string | undefined;
    do {
      const page = await store.list(kind, parentId, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      yield* page.rows;
      after = page.next;
    } while (after !== undefined);
  }

  /** One run at a time a gateway; whoever asks while one runs gets a further run, so that nothing newer is missed. */
  async function refresh(gatewayId: string): Promise<void> {
    const running = waiting.get(gatewayId);
    if (running) return running;
    const next = (active.get(gatewayId) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        waiting.delete(gatewayId);
        const run = load(gatewayId);
        active.set(gatewayId, run);
        return run;
      })
      .finally(() => {
        if (!waiting.has(gatewayId)) active.delete(gatewayId);
      });
    waiting.set(gatewayId, next);
    return next;
  }
  const waiting = new Map<string, Promise<void>>();
  const active = new Map<string, Promise<void>>();

  async function follow(): Promise<void> {
    const changes = await store.changes(sequence);
    const touched = new Set(changes.flatMap(gatewaysTouched));
    await Promise.all([...touched].map((gatewayId) => refreshOrKeep(gatewayId)));
    sequence = changes.at(-1)?.sequence ?? sequence;
  }

  function gatewaysTouched(change: Change): readonly string[] {
    if (change.kind === 'gateway') return [change.id];
    if (change.kind === 'gateway-target') return [change.parentId];
    return [...held].filter(([, { providers }]) => providers.size > 0).map(([gatewayId]) => gatewayId);
  }

  async function refreshOrKeep(gatewayId: string): Promise<void> {
    await refresh(gatewayId).catch((thrown: unknown) => {
      const fault = toGatewayError(thrown);
      if (!held.has(gatewayId)) broken.add(gatewayId);
      log.error(
        { gatewayId, reason: fault.details.internal ?? fault.message },
        held.has(gatewayId)
          ? 'the gateway cannot be compiled; its last good state goes on serving'
          : 'the gateway cannot be compiled and is not served',
      );
    });
  }

  function followQuietly(): void {
    flights.run('follow', follow).catch((thrown: unknown) => {
      log.warn({ reason: toGatewayError(thrown).message }, 'changes cannot be read; serving from memory');
    });
  }

  return {
    get(gatewayId) {
      if (broken.has(gatewayId))
        throw new GatewayError(
          'Unavailable',
          'This gateway cannot be served at the moment: its stored state is damaged. The server’s log says how.',
        );
      return held.get(gatewayId)?.snapshot;
    },
    async start() {
      sequence = await store.sequence();
      for await (const gateway of all('gateway')) await refreshOrKeep(gateway.id);
      stopListening = store.onChange(followQuietly);
      timer = setInterval(followQuietly, POLL_MS);
      timer.unref();
    },
    refresh,
    onSwap(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      clearInterval(timer);
      stopListening?.();
      await Promise.allSettled([...active.values(), ...waiting.values()]);
    },
  };
}

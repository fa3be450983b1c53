// All snapshots of this process, in memory. Loaded before the process is ready, renewed when the store says that
// something changed, swapped whole. A gateway whose new state cannot be compiled keeps its last good snapshot.
// `get` never waits and never reads the store.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Authorizer } from '../authorizers/authorizer.ts';
import { parseArn } from '../core/arn.ts';
import { GatewayError, reasonOf, toGatewayError } from '../core/errors.ts';
import type { Secret } from '../lib/secret.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import type { TargetServices } from '../targets/target-type.ts';
import { isBehind } from '../stores/store.ts';
import type { Change, Row } from '../stores/store.ts';
import { compileSnapshot } from './compile.ts';
import type { CompiledSnapshot, PreparedTargets, SnapshotInput, SnapshotServices } from './compile.ts';
import { readSecrets, unlessDamaged } from './secrets.ts';
import type { SecretServices } from './secrets.ts';
import type { GatewaySnapshot } from './snapshot.ts';
import { createTargetServices, providerArnsOf } from './target-services.ts';
import type { TargetAccess } from './target-services.ts';

const PAGE = 100;
const POLL_MS = 2_000;
/** Whoever asks for gateways that do not exist costs one look at the changes in this time, and no more. */
const SEEK_EVERY_MS = 100;
const SEEK_MS = 1_000;

export interface SnapshotsServices extends SnapshotServices, SecretServices {}

export interface Snapshots {
  /** @throws GatewayError Unavailable for a gateway that is there but cannot be served. */
  get(gatewayId: string): GatewaySnapshot | undefined;
  /**
   * The same for a gateway that is not known yet: another process may have made it just now. Asks the store at most every
   * SEEK_EVERY_MS, and waits for no more than SEEK_MS. @throws as `get`, and Unavailable when the store does not say
   */
  seek(gatewayId: string): Promise<GatewaySnapshot | undefined>;
  /** Loads everything, then follows changes. */
  start(): Promise<void>;
  /** Resolves when the present state of the store for this gateway is what `get` gives. */
  refresh(gatewayId: string): Promise<void>;
  /** Targets that are served. */
  targetIds(): ReadonlySet<string>;
  /** Figures for operators; the age is that of the last look at the store's changes. */
  figures(): {
    readonly gateways: number;
    readonly tools: number;
    readonly ageSeconds: number;
    /** By gateway: how old the signing keys of its identity provider are. */
    readonly keysAgeSeconds: ReadonlyMap<string, number>;
  };
  /** What a target of the gateway is handed, with its credential as it is now. @throws GatewayError */
  openServices(gatewayId: string, targetId: string, access: TargetAccess): Promise<TargetServices>;
  /** The secret of an API-key credential provider. @throws GatewayError CredentialUnavailable, or why it does not open */
  openKey(providerArn: string): Promise<Secret>;
  /** Called with a gateway's id after its snapshot was swapped. */
  onSwap(listener: (gatewayId: string) => void): () => void;
  close(): Promise<void>;
}

interface Held {
  readonly compiled: CompiledSnapshot;
  readonly authorizerKey: string;
  readonly providers: ReadonlySet<string>;
}

/** The snapshots of one process. Call `start` before `get`. */
export function createSnapshots(services: SnapshotsServices): Snapshots {
  const { store, log } = services;
  const held = new Map<string, Held>();
  const flights = new SingleFlight<void>(services.figures?.flights('snapshot'));
  /** There, but not servable, and never was since the start. */
  const broken = new Set<string>();
  const listeners = new Set<(gatewayId: string) => void>();
  let sequence = 0;
  let soughtAt = -SEEK_EVERY_MS;
  /** The last look for a gateway came to its end: only then what was not seen is not there. */
  let isSighted = true;
  let freshAt = services.clock.monotonic();
  let timer: NodeJS.Timeout | undefined;
  let stopListening: (() => void) | undefined;

  async function load(gatewayId: string): Promise<void> {
    const gateway = await store.get('gateway', gatewayId);
    broken.delete(gatewayId);
    if (!gateway || gateway.document.status === 'DELETING') {
      const last = held.get(gatewayId);
      if (last) {
        held.delete(gatewayId);
        letGo(last.compiled.prepared);
        for (const listener of listeners) listener(gatewayId);
      }
      return;
    }
    const before = held.get(gatewayId);
    const targets = await readTargets(gatewayId);
    const providers = new Set(
      targets.flatMap(({ row }) =>
        providerArnsOf(row.document.live?.credentialProviderConfigurations ?? [], services.credentialTypes),
      ),
    );
    const policyArn = services.arns.gateway(gatewayId);
    const policy = (await unlessDamaged(log, () => store.find('resource-policy', '', policyArn)))?.document
      .policy;
    const authorizerKey = JSON.stringify([
      policy,
      gateway.document.authorizerType,
      gateway.document.authorizerConfiguration,
    ]);
    const reusable: Authorizer | undefined =
      before?.authorizerKey === authorizerKey ? before.compiled.snapshot.authorizer : undefined;
    const input: SnapshotInput = {
      gateway,
      targets,
      secrets: await readSecrets(providers, services),
      prepared: before?.compiled.prepared ?? new Map(),
      ...(policy === undefined ? {} : { policy }),
      ...(reusable ? { authorizer: reusable } : {}),
    };
    const compiled = compileSnapshot(input, services);
    held.set(gatewayId, { compiled, authorizerKey, providers });
    letGo(before?.compiled.prepared, compiled.prepared);
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
      const catalogue = await unlessDamaged(log, () => store.get('catalogue', catalogueId));
      if (catalogue) targets.push({ row, catalogue: catalogue.document });
      else log.error({ gatewayId, targetId: row.id }, 'target left out: its catalogue is missing or damaged');
    }
    return targets;
  }

  /** Closes what served before and serves no longer; calls that still run there are their caller's to finish. */
  function letGo(before: PreparedTargets | undefined, now?: PreparedTargets): void {
    for (const [targetId, { target }] of before ?? [])
      if (target.server && now?.get(targetId)?.target !== target)
        target.server.close().catch((thrown: unknown) => {
          log.warn({ targetId, reason: reasonOf(thrown) }, 'a target was not closed in order');
        });
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
    const touched = new Set(
      isBehind(changes, sequence) ? await everyGateway() : changes.flatMap(gatewaysTouched),
    );
    await Promise.all([...touched].map((gatewayId) => refreshOrKeep(gatewayId)));
    sequence = changes.at(-1)?.sequence ?? sequence;
    freshAt = services.clock.monotonic();
  }

  /** Those that are stored, and those that are served and may be gone. */
  async function everyGateway(): Promise<readonly string[]> {
    const ids = [...held.keys()];
    for await (const { id } of all('gateway')) ids.push(id);
    return ids;
  }

  function gatewaysTouched(change: Change): readonly string[] {
    if (change.kind === 'gateway') return [change.id];
    if (change.kind === 'gateway-target') return [change.parentId];
    if (change.kind === 'resource-policy') {
      const named = parseArn(change.id, services.scope);
      return named?.kind === 'gateway' ? [named.id] : [];
    }
    if (change.kind !== 'api-key-credential-provider' && change.kind !== 'secret') return [];
    return [...held].filter(([, { providers }]) => providers.size > 0).map(([gatewayId]) => gatewayId);
  }

  async function refreshOrKeep(gatewayId: string): Promise<void> {
    await refresh(gatewayId).catch((thrown: unknown) => {
      const fault = toGatewayError(thrown);
      if (!held.has(gatewayId)) broken.add(gatewayId);
      log.error(
        { gatewayId, reason: reasonOf(fault) },
        held.has(gatewayId)
          ? 'the gateway cannot be compiled; its last good state goes on serving'
          : 'the gateway cannot be compiled and is not served',
      );
    });
  }

  function followQuietly(): void {
    flights.run('follow', follow).catch((thrown: unknown) => {
      const fault = toGatewayError(thrown);
      log.warn({ reason: reasonOf(fault) }, 'changes cannot be read; serving from memory');
    });
  }

  function get(gatewayId: string): GatewaySnapshot | undefined {
    if (broken.has(gatewayId))
      throw new GatewayError(
        'Unavailable',
        'This gateway cannot be served at the moment: its stored state is damaged. The server’s log says how.',
      );
    return held.get(gatewayId)?.compiled.snapshot;
  }

  return {
    get,
    async seek(gatewayId) {
      const now = services.clock.monotonic();
      if (now - soughtAt >= SEEK_EVERY_MS) {
        soughtAt = now;
        const look = flights.run('follow', follow).then(
          () => true,
          () => false,
        );
        const patience = new AbortController();
        const late = sleep(SEEK_MS, false, { signal: patience.signal }).catch(() => false);
        isSighted = await Promise.race([look, late]);
        patience.abort();
      }
      const found = get(gatewayId);
      if (found || isSighted) return found;
      throw new GatewayError(
        'Unavailable',
        'Whether there is such a gateway cannot be found out at the moment. Please retry later.',
      );
    },
    async start() {
      sequence = await store.sequence();
      for await (const gateway of all('gateway')) await refreshOrKeep(gateway.id);
      stopListening = store.onChange(followQuietly);
      timer = setInterval(followQuietly, POLL_MS);
      timer.unref();
    },
    refresh,
    targetIds: () => new Set([...held.values()].flatMap(({ compiled }) => [...compiled.prepared.keys()])),
    figures: () => ({
      gateways: held.size,
      tools: [...held.values()].reduce((sum, { compiled }) => sum + compiled.snapshot.tools.size, 0),
      ageSeconds: (services.clock.monotonic() - freshAt) / 1000,
      keysAgeSeconds: agesOf(held),
    }),
    async openServices(gatewayId, targetId, access) {
      const gateway = await store.get('gateway', gatewayId);
      if (!gateway) throw new GatewayError('NotFound', `Gateway with id ${gatewayId} not found`);
      const arns = providerArnsOf(access.credentialProviderConfigurations, services.credentialTypes);
      const secrets = await readSecrets(arns, services);
      // An operator who asks wants to know how it is now, whatever calls have met before.
      const { guardOf: _guard, ...doors } = services;
      return createTargetServices(targetId, access, gateway, secrets, doors);
    },
    async openKey(providerArn) {
      const secret = (await readSecrets([providerArn], services)).get(providerArn);
      if (secret instanceof GatewayError) throw secret;
      if (!secret)
        throw new GatewayError('CredentialUnavailable', `There is no credential provider ${providerArn}.`);
      return secret;
    },
    onSwap(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      clearInterval(timer);
      stopListening?.();
      await Promise.allSettled([...active.values(), ...waiting.values()]);
      const servers = [...held.values()].flatMap(({ compiled }) => [...compiled.prepared.values()]);
      await Promise.allSettled(servers.map(async ({ target }) => target.server?.close()));
    },
  };
}

function agesOf(held: ReadonlyMap<string, Held>): ReadonlyMap<string, number> {
  const ages = new Map<string, number>();
  for (const [gatewayId, { compiled }] of held) {
    const age = compiled.snapshot.authorizer.keysAgeSeconds?.();
    if (age !== undefined) ages.set(gatewayId, age);
  }
  return ages;
}

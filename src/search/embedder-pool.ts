// The embedders that gateways use: gateways with the same settings share one, and one that nobody uses any more is
// closed. Filling indexes is done in turn for each embedder, so that many gateways at a start do not crowd out questions,
// and a provider that hangs holds up nobody else’s.

import type { Audit } from '../core/audit.ts';
import type { Log } from '../core/call.ts';
import { credentialProvider, credentialUse } from '../core/credential-use.ts';
import { GatewayError } from '../core/errors.ts';
import type { Figures } from '../core/figures.ts';
import type { Egress } from '../core/outbound.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { EmbedderSettings, EmbedderType } from './embedder.ts';
import { guardEmbedder } from './guarded-embedder.ts';
import type { GuardedEmbedder } from './guarded-embedder.ts';

export interface PoolServices {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  readonly region: string;
  readonly embedderTypes: readonly EmbedderType[];
  readonly openKey: (providerArn: string) => Promise<Secret>;
  readonly audit?: Audit;
  readonly figures?: Figures;
}

export interface HeldEmbedder {
  readonly embedder: GuardedEmbedder;
  /** Runs one piece of work after those that asked before. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** To be called once. */
  release(): void;
}

export interface EmbedderPool {
  /** The embedder that these settings ask for; undefined when they ask for none. */
  hold(settings: EmbedderSettings): HeldEmbedder | undefined;
  close(): Promise<void>;
}

const DEFAULT = 'embedded';
const NO_MODEL: ReadonlySet<string> = new Set(['none', 'words']);
/** Settings that an embedder depends on. */
const RELEVANT = ['search-embedder', 'search-endpoint', 'search-model', 'search-key-provider'];
/** How long an opened key is used before it is looked up again (milliseconds). */
const KEY_LIFE_MS = 30_000;

interface Shared {
  readonly embedder: GuardedEmbedder;
  users: number;
  turn: Promise<unknown>;
}

/** A pool without embedders. */
export function createEmbedderPool(services: PoolServices): EmbedderPool {
  const { log, embedderTypes } = services;
  const shared = new Map<string, Shared>();
  const closing = new Set<Promise<void>>();

  function open(settings: EmbedderSettings): GuardedEmbedder | undefined {
    const name = settings['search-embedder'] ?? DEFAULT;
    if (NO_MODEL.has(name)) return undefined;
    const type = embedderTypes.find((candidate) => candidate.name === name);
    if (!type) {
      log.warn(
        { embedder: name },
        'this embedder is not available in this version; the search goes on without',
      );
      return undefined;
    }
    const arn = settings['search-key-provider'];
    const embedder = type.open(settings, {
      egress: services.egress,
      region: services.region,
      log,
      openKey: rememberedKey(arn, services),
      usesKey: async (destination) => {
        const resource = credentialProvider(arn ?? '');
        const use = { purpose: 'embedding', type: 'API_KEY', resource, destination } as const;
        await services.audit?.commit({ ...credentialUse(use), decision: 'allow' });
      },
    });
    return guardEmbedder(embedder, services);
  }

  function letGo(key: string, entry: Shared): void {
    entry.users -= 1;
    if (entry.users > 0) return;
    shared.delete(key);
    const closed = entry.embedder.close().finally(() => closing.delete(closed));
    closing.add(closed);
  }

  return {
    hold(settings) {
      const key = JSON.stringify(RELEVANT.map((name) => settings[name] ?? null));
      let entry = shared.get(key);
      if (!entry) {
        const embedder = open(settings);
        if (!embedder) return undefined;
        shared.set(key, (entry = { embedder, users: 0, turn: Promise.resolve() }));
      }
      entry.users += 1;
      const held = entry;
      return {
        embedder: held.embedder,
        inTurn(work) {
          const run = held.turn.then(work);
          held.turn = run.catch(() => undefined);
          return run;
        },
        release: () => letGo(key, held),
      };
    },
    async close() {
      await Promise.allSettled([...shared.values()].map(({ embedder }) => embedder.close()));
      shared.clear();
      await Promise.allSettled(closing);
    },
  };
}

/** A key that was opened is good for a while: the store must not stand between a question and its answer. */
function rememberedKey(
  arn: string | undefined,
  { clock, openKey }: Pick<PoolServices, 'clock' | 'openKey'>,
): () => Promise<Secret | undefined> {
  let known: { readonly key: Secret; readonly until: number } | undefined;
  return async () => {
    if (arn === undefined) return undefined;
    if (known && clock.monotonic() < known.until) return known.key;
    try {
      const key = await openKey(arn);
      known = { key, until: clock.monotonic() + KEY_LIFE_MS };
      return key;
    } catch (cause) {
      known = undefined;
      throw new GatewayError('CredentialUnavailable', 'The key of the embedding provider cannot be opened.', {
        cause,
      });
    }
  };
}

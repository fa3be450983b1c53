// The tool search of one process: an index for each gateway that is searched, made anew when the gateway changes while
// the one before goes on answering; vectors of sentences follow in the background. Only the question’s own vector is
// waited for while somebody asks, and not for long.

import type { Audit } from '../core/audit.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import { createFigures } from '../core/figures.ts';
import type { Figures as HouseFigures } from '../core/figures.ts';
import { observe } from '../core/times.ts';
import type { Log } from '../core/call.ts';
import type { Egress } from '../core/outbound.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { Store } from '../stores/store.ts';
import type { EmbedderType } from './embedder.ts';
import { createEmbedderPool } from './embedder-pool.ts';
import type { HeldEmbedder } from './embedder-pool.ts';
import { fillSentences, vectorModel } from './fill-sentences.ts';
import { buildIndex, rank, takeOver } from './gateway-index.ts';
import type { GatewayIndex } from './gateway-index.ts';
import { createLatencies } from './latencies.ts';
import type { Latencies } from './latencies.ts';
import { parseQuestion } from './question.ts';
import { createRateLimit } from './rate.ts';
import type {
  SearchAnswer,
  SearchMetrics,
  SearchRequest,
  SearchableGateway,
  ToolSearch,
} from './tool-search.ts';
import { readWordTable } from './words/word-table.ts';
import type { WordTable } from './words/word-table.ts';

export interface ToolSearchServices {
  readonly store: Pick<Store, 'find' | 'transaction' | 'lease'>;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  readonly region: string;
  readonly embedderTypes: readonly EmbedderType[];
  /** The key of an API-key credential provider. @throws GatewayError */
  readonly openKey: (providerArn: string) => Promise<Secret>;
  readonly audit?: Audit;
  readonly figures?: HouseFigures;
}

/** AgentCore has 25 a minute; here it only keeps a caller that has lost itself in a loop from taking a core. */
const DEFAULT_RATE = 6_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

interface Searched {
  readonly gateway: SearchableGateway;
  readonly embedder: HeldEmbedder | undefined;
  readonly stop: AbortController;
  readonly built: Promise<GatewayIndex>;
}

interface Figures {
  buildMs: number;
  queries: number;
  withoutModel: number;
  refused: number;
  readonly latencies: Latencies;
}

interface State {
  /** The newest state of the gateway. */
  newest: Searched;
  /** What answers: the newest once it is built. */
  index?: GatewayIndex;
  readonly figures: Figures;
}

/** The search of this process. */
export function createToolSearch(services: ToolSearchServices): ToolSearch {
  const { clock, log, store, figures: house = createFigures() } = services;
  const states = new Map<string, State>();
  const rates = createRateLimit(clock);
  const embedders = createEmbedderPool(services);
  const background = new Set<Promise<void>>();
  let words: Promise<WordTable | undefined> | undefined;

  /** Without its table the search still has the words in common. */
  function wordsFor({ settings }: SearchableGateway): Promise<WordTable | undefined> | undefined {
    if (settings['search-embedder'] === 'none') return undefined;
    words ??= readWordTable().catch((thrown: unknown) => {
      log.error({ reason: String(thrown) }, 'the word table cannot be read');
      return undefined;
    });
    return words;
  }

  async function build(gateway: SearchableGateway, signal: AbortSignal): Promise<GatewayIndex> {
    return buildIndex(gateway.tools, await wordsFor(gateway), signal);
  }

  function begin(gateway: SearchableGateway, figures: Figures): Searched {
    const stop = new AbortController();
    const started = clock.monotonic();
    const built = build(gateway, stop.signal);
    const searched: Searched = { gateway, embedder: embedders.hold(gateway.settings), stop, built };
    const task = built
      .then((index) => {
        figures.buildMs = clock.monotonic() - started;
        const state = states.get(gateway.gatewayId);
        if (state?.newest !== searched) return undefined;
        if (state.index) takeOver(state.index, index);
        state.index = index;
        return fill(searched, index);
      })
      .catch((thrown: unknown) => {
        if (stop.signal.aborted) return;
        const { message, details } = toGatewayError(thrown);
        log.error({ gatewayId: gateway.gatewayId, reason: details.internal ?? message }, 'no search index');
      })
      .finally(() => background.delete(task));
    background.add(task);
    return searched;
  }

  /** Until all tools have a vector, or the gateway has changed. */
  async function fill({ gateway, embedder, stop }: Searched, index: GatewayIndex): Promise<void> {
    if (!embedder) return;
    for (let attempt = 0; !stop.signal.aborted; attempt += 1) {
      try {
        if (
          (await embedder.inTurn(() => fillSentences(index, embedder.embedder, store, stop.signal))) ===
          'filled'
        )
          return;
      } catch (thrown) {
        if (stop.signal.aborted) return;
        const { message, details } = toGatewayError(thrown);
        if (attempt === 0)
          log.warn(
            { gatewayId: gateway.gatewayId, reason: details.internal ?? message },
            'tools have no vectors yet; the search goes on without',
          );
      }
      await pause(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 6)), stop.signal);
    }
  }

  function end({ stop, embedder }: Searched): void {
    stop.abort();
    embedder?.release();
  }

  async function answer(state: State, request: SearchRequest): Promise<SearchAnswer> {
    const { newest, figures } = state;
    const question = parseQuestion(request.query);
    const index = await indexOf(state);
    const { sentences } = index;
    const model = newest.embedder?.embedder;
    const canAsk = model && sentences && sentences.model === vectorModel(model) && question.text !== '';
    const sentence = canAsk ? await model.query(question.text) : undefined;
    if (model && !sentence) figures.withoutModel += 1;
    return rank(index, {
      question,
      sentence,
      limit: request.limit,
      mayList: request.mayList,
      explain: request.explain === true,
    });
  }

  return {
    update(gateway) {
      const before = states.get(gateway.gatewayId);
      if (before && isSame(before.newest.gateway, gateway)) return;
      const figures = before?.figures ?? {
        buildMs: 0,
        queries: 0,
        withoutModel: 0,
        refused: 0,
        latencies: createLatencies(),
      };
      const newest = begin(gateway, figures);
      if (before) {
        end(before.newest);
        before.newest = newest;
      } else states.set(gateway.gatewayId, { newest, figures });
    },
    remove(gatewayId) {
      const state = states.get(gatewayId);
      if (!state) return;
      states.delete(gatewayId);
      end(state.newest);
    },
    async ready(gatewayId) {
      const state = states.get(gatewayId);
      // Whatever goes wrong is in the log; calls do not depend on it.
      if (state) await newestIndex(state).catch(() => undefined);
    },
    async search(gatewayId, request) {
      const state = states.get(gatewayId);
      if (!state)
        throw new GatewayError(
          'NotFound',
          'This gateway is not searched: its protocolConfiguration.mcp.searchType is not SEMANTIC.',
        );
      const { figures } = state;
      const started = clock.monotonic();
      try {
        if (request.caller !== undefined)
          rates.take(
            `${gatewayId} ${request.caller}`,
            Number(state.newest.gateway.settings['search-rate'] ?? DEFAULT_RATE),
            request.query.length,
          );
        const result = await answer(state, request);
        figures.queries += 1;
        const took = clock.monotonic() - started;
        figures.latencies.add(took);
        observe(house.times.search, took / 1000);
        house.count('searches', { answered_by: bestOf(result) }).value += 1;
        return result;
      } catch (thrown) {
        figures.refused += 1;
        house.count('refusedSearches', {}).value += 1;
        throw thrown;
      }
    },
    metrics: (gatewayId) => {
      const state = states.get(gatewayId);
      return state && metricsOf(state);
    },
    figures() {
      const sum = { tools: 0, embedded: 0, indexBytes: 0 };
      for (const state of states.values()) {
        const { tools, embedded, indexBytes } = metricsOf(state);
        sum.tools += tools;
        sum.embedded += embedded;
        sum.indexBytes += indexBytes;
      }
      return sum;
    },
    async close() {
      for (const { newest } of states.values()) end(newest);
      states.clear();
      await Promise.allSettled(background);
      await embedders.close();
    },
  };
}

/** The best of what took part in an answer. */
function bestOf({ legs }: SearchAnswer): 'lexical' | 'words' | 'sentences' {
  if (legs.some((leg) => leg !== 'lexical' && leg !== 'words')) return 'sentences';
  return legs.includes('words') ? 'words' : 'lexical';
}

/** What answers now; while there is nothing yet, what is being made. */
async function indexOf(state: State): Promise<GatewayIndex> {
  return state.index ?? newestIndex(state);
}

async function newestIndex(state: State): Promise<GatewayIndex> {
  for (;;) {
    const { newest } = state;
    try {
      return await newest.built;
    } catch (thrown) {
      // Broken off because something newer came.
      if (state.newest !== newest) continue;
      if (!newest.stop.signal.aborted) throw thrown;
      throw new GatewayError('Unavailable', 'This gateway is not searched any more.', { cause: thrown });
    }
  }
}

function metricsOf({ newest, index, figures }: State): SearchMetrics {
  const { buildMs, queries, withoutModel, refused, latencies } = figures;
  const sentences = index?.sentences;
  return {
    tools: newest.gateway.tools.length,
    embedded: sentences?.table.filled ?? 0,
    model: newest.embedder?.embedder.model ?? 'none',
    indexBytes:
      (index?.lexical.bytes() ?? 0) + (index?.words?.bytes() ?? 0) + (sentences?.table.bytes() ?? 0),
    buildMs,
    queries,
    withoutModel,
    refused,
    p50Ms: latencies.percentile(0.5),
    p95Ms: latencies.percentile(0.95),
  };
}

/** The same tools and settings: nothing to do anew. */
function isSame(one: SearchableGateway, other: SearchableGateway): boolean {
  return (
    JSON.stringify(one.settings) === JSON.stringify(other.settings) &&
    one.tools.length === other.tools.length &&
    one.tools.every((tool, row) => {
      const now = other.tools[row];
      return (
        now !== undefined &&
        tool.name === now.name &&
        tool.text === now.text &&
        tool.targetId === now.targetId &&
        tool.targetName === now.targetName &&
        tool.targetDescription === now.targetDescription
      );
    })
  );
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const waited = Promise.withResolvers<void>();
  const timer = setTimeout(waited.resolve, ms);
  timer.unref();
  const onAbort = (): void => waited.resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  await waited.promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
}

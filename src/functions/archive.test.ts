// What is packed comes out again, file by file; what is not an archive never gets further than its refusal.

import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ZipFile } from 'yazl';
import { GatewayError } from '../core/errors.ts';
import { checkArchive, unpackArchive } from './archive.ts';

const root = mkdtempSync(join(tmpdir(), 'gatewright-archive-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Content {
  readonly bytes: Buffer;
  readonly isExecutable: boolean;
}

function pack(files: ReadonlyMap<string, Content>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, { bytes, isExecutable }] of files)
    zip.addBuffer(bytes, name, {
      mode: isExecutable ? 0o100_755 : 0o100_644,
      compress: bytes.length % 2 === 0,
    });
  zip.end();
  return buffer(zip.outputStream as AsyncIterable<Uint8Array>);
}

function below(folder: string): Map<string, Content> {
  const found = new Map<string, Content>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    const stats = statSync(path);
    if (stats.isFile())
      found.set(name, { bytes: readFileSync(path), isExecutable: (stats.mode & 0o111) !== 0 });
  }
  return found;
}

const segment = fc.stringMatching(/^[a-zA-Z0-9äß_@-][a-zA-Z0-9äß_.@ -]{0,20}$/);
const content = fc.record({
  bytes: fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  isExecutable: fc.boolean(),
});
/** Folders and files have different names, so that none is in the way of another. */
const tree = fc.uniqueArray(
  fc.tuple(
    fc.array(
      segment.map((name) => `d${name}`),
      { maxLength: 3 },
    ),
    segment.map((name) => `f${name}`),
    content,
  ),
  { minLength: 1, maxLength: 12, selector: ([folders, name]) => [...folders, name].join('/') },
);

describe('archives', () => {
  it('give back what was packed, with the executable bit', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (entries) => {
        const files = new Map(entries.map(([folders, name, file]) => [[...folders, name].join('/'), file]));
        const zip = await pack(files);
        const { unzippedBytes } = await checkArchive(zip);
        expect(unzippedBytes).toBe([...files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0));
        const folder = mkdtempSync(join(root, 'tree-'));
        await unpackArchive(zip, folder);
        expect(below(folder)).toEqual(files);
      }),
      { numRuns: 40 },
    );
  });

  it('of layers lie over each other: the later file counts, also where a folder was', async () => {
    const folder = mkdtempSync(join(root, 'layers-'));
    const file = (text: string): Content => ({ bytes: Buffer.from(text), isExecutable: false });
    await unpackArchive(
      await pack(
        new Map([
          ['a', file('1')],
          ['b/c', file('1')],
          ['d', file('1')],
          ['e/f/g', file('1')],
        ]),
      ),
      folder,
    );
    await unpackArchive(
      await pack(
        new Map([
          ['a', file('2')],
          ['b', file('2')],
          ['d/e', file('2')],
          ['e/f', file('2')],
        ]),
      ),
      folder,
    );
    expect(
      [...below(folder)]
        .map(([name, { bytes }]) => [name, bytes.toString()])
        .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)),
    ).toEqual([
      ['a', '2'],
      ['b', '2'],
      ['d/e', '2'],
      ['e/f', '2'],
    ]);
  });

  it('with any byte changed are taken whole or refused, and refused in words', async () => {
    const zip = await pack(
      new Map([['index.mjs', { bytes: Buffer.from('export const handler = 1;'), isExecutable: false }]]),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(zip.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(zip);
        changed[at] = (changed[at] ?? 0) ^ change;
        await checkArchive(changed).catch((fault: unknown) => {
          expect(fault).toBeInstanceOf(GatewayError);
          expect((fault as GatewayError).code).toBe('Validation');
        });
      }),
      { numRuns: 300 },
    );
  });

  it('that are none are refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await expect(checkArchive(bytes)).rejects.toMatchObject({ code: 'Validation' });
      }),
    );
  });
});

// Every document of the corpus, whole: each operation becomes a tool that clients accept. Without the corpus (it
// is not part of the repository) the fixtures in test/fixtures/openapi stand in for it.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { CatalogueEntry } from '../src/core/tool.ts';
import { importOpenApi } from '../src/targets/openapi/import/import.ts';
import { createToolRules, type Fault } from './openapi-tool-rules.ts';

const root = join(import.meta.dirname, '..');
const corpus = join(root, '../shared/corpus/openapi');
const directory = existsSync(corpus) ? corpus : join(root, 'test/fixtures/openapi');
/** Documents that are broken on purpose, with what has to be said of them. */
const UNREADABLE = new Map([['edge/swagger-api__swagger-parser-v3_issue-1761.yaml', /line 40, column 1/]]);

function listDocuments(): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(json|ya?ml)(\.gz)?$/.test(file) && !file.endsWith('MANIFEST.json'))
    .sort();
}

function readDocument(file: string): string {
  const bytes = readFileSync(join(directory, file));
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

function duplicates(entries: readonly CatalogueEntry[]): number {
  return entries.length - new Set(entries.map((entry) => entry.name.toLowerCase())).size;
}

test('every operation of every document becomes a tool that clients accept', () => {
  const rules = createToolRules();
  const faults: (Fault & { file: string })[] = [];
  const total = {
    documents: 0,
    failed: 0,
    operations: 0,
    tools: 0,
    duplicates: 0,
    largest: 0,
    outputs: 0,
    cpuMs: 0,
  };
  for (const file of listDocuments()) {
    const text = readDocument(file);
    const expected = UNREADABLE.get(file);
    if (expected !== undefined) {
      expect(() => importOpenApi(text, { location: 'inline', settings: {} })).toThrow(expected);
      continue;
    }
    const before = process.cpuUsage();
    const { entries, report } = importOpenApi(text, { location: 'inline', settings: {} });
    const used = process.cpuUsage(before);
    total.cpuMs += Math.round((used.user + used.system) / 1000);
    total.documents += 1;
    total.operations +=
      report.operations - report.notes.filter((note) => note.operation.startsWith('TRACE ')).length;
    total.tools += report.tools;
    total.duplicates += duplicates(entries);
    expect(report.operations, file).toBe(report.tools + report.skipped);
    for (const entry of entries) {
      total.largest = Math.max(total.largest, entry.definition.length);
      if (entry.definition.includes('"outputSchema"')) total.outputs += 1;
      for (const fault of rules(entry)) faults.push({ file, ...fault });
    }
  }
  printTable(total, faults);
  expect(faults.slice(0, 20)).toEqual([]);
  expect(total.duplicates).toBe(0);
  expect(total.tools / total.operations).toBeGreaterThanOrEqual(0.99);
}, 180_000);

test('an import is deterministic', () => {
  for (const file of listDocuments().filter((_, index) => index % 7 === 0)) {
    if (UNREADABLE.has(file)) continue;
    const text = readDocument(file);
    const options = { location: 'https://example.com/openapi.json', settings: {} };
    expect(importOpenApi(text, options), file).toEqual(importOpenApi(text, options));
  }
});

function printTable(
  total: {
    documents: number;
    operations: number;
    tools: number;
    duplicates: number;
    largest: number;
    outputs: number;
    cpuMs: number;
  },
  faults: readonly Fault[],
): void {
  const count = (kind: Fault['kind']): number => faults.filter((fault) => fault.kind === kind).length;
  const rows = [
    [
      'converter',
      'failed',
      'tools/ops',
      'dup.',
      'bad keys',
      'top union',
      'not object',
      'dangling',
      'nullable',
      'largest',
    ],
    [
      'gatewright',
      '0',
      `${total.tools}/${total.operations}`,
      `${total.duplicates}`,
      `${count('key')}`,
      `${count('union')}`,
      `${count('root')}`,
      `${count('dangling')}`,
      `${count('nullable')}`,
      `${Math.ceil(total.largest / 1024)} KB`,
    ],
    ['openapi-mcp-generator 4.0.1 *', '9', '16994/16994', '0', '339', '0', '0', '0', '269', '6.9 MB'],
    ['fastmcp (TS) 4.20.16 *', '23', '13478/14537', '0', '319', '0', '0', '90', '0', '226 KB'],
    [
      '@ivotoby/openapi-mcp-server 1.16.1 *',
      '1',
      '18359/18371',
      '44',
      '350',
      '169',
      '164',
      '275',
      '828',
      '1.2 MB',
    ],
    ['@samchon/openapi 6.0.1 *', '12', '12587/15309', '0', '0', '0', '0', '360', '5', '317 KB'],
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  console.log(
    `${lines.join('\n')}\n* over their own run of 147 documents; ours: ${total.documents} documents, ${total.outputs} output schemas, ${total.cpuMs} ms CPU\n`,
  );
}

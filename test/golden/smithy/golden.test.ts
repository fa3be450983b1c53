// The golden cases of this folder: a model in IDL, a line of dashes, and the tools that have to come of it with the requests
// that they make of sampled arguments. Run with UPDATE_GOLDEN=1 to write what comes out now, then read the difference
// before committing it. Comment lines at the head of a model may say `// setting: key=value`.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/core/errors.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { sampleArguments } from '../../support/sample-arguments.ts';
import { openSmithy } from '../../support/smithy.ts';

const DASHES = '\n--------------------\n';

async function render(document: string): Promise<string> {
  const settings = Object.fromEntries(
    [...document.matchAll(/^\/\/ setting: ([^=]+)=(.+)$/gm)].map(([, key = '', value = '']) => [key, value]),
  );
  try {
    const bench = openSmithy(document, settings);
    const parts: string[] = [];
    for (const { name, definition } of bench.catalogue.entries) {
      const { inputSchema, outputSchema, ...texts } = JSON.parse(definition) as Record<string, JsonObject>;
      const args = sampleArguments(inputSchema ?? {}, 'all');
      await bench.call(name, args);
      const request = bench.sent.at(-1);
      parts.push(
        [
          `tool ${name} ${JSON.stringify(texts)}`,
          `input ${pretty(inputSchema)}`,
          ...(outputSchema === undefined ? [] : [`output ${pretty(outputSchema)}`]),
          `arguments ${pretty(args)}`,
          `request ${request?.method} ${request?.url.href}`,
          ...Object.entries(request?.headers ?? {}).map(([field, value]) => `  ${field}: ${value}`),
          ...(request?.body === undefined ? [] : [`  ${Buffer.from(request.body).toString('utf8')}`]),
        ].join('\n'),
      );
    }
    return [...parts, `report ${pretty(bench.catalogue.report)}`].join('\n\n');
  } catch (thrown) {
    if (thrown instanceof GatewayError) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

describe('golden', () => {
  for (const file of readdirSync(import.meta.dirname)
    .filter((each) => each.endsWith('.txt'))
    .sort())
    test(file.replace('.txt', ''), async () => {
      const path = join(import.meta.dirname, file);
      const [document = '', expected = ''] = readFileSync(path, 'utf8').split(DASHES);
      const actual = await render(document);
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, `${document}${DASHES}${actual}\n`);
      else expect(actual).toBe(expected.trimEnd());
    });
});

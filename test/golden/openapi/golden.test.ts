// The golden cases of this folder: a document, a line of dashes, and the tools that have to come of it. Run with
// UPDATE_GOLDEN=1 to write what comes out now, then read the difference before committing it.
// Comment lines at the head of a document may say `# location: …`, `# setting: key=value`, `# credential: in name` or
// `# credential: by-document`.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/core/errors.ts';
import type { CredentialPlacement } from '../../../src/core/outbound.ts';
import { importOpenApi, type ImportOptions } from '../../../src/targets/openapi/import/import.ts';
import { createToolRules } from '../../openapi-tool-rules.ts';

const DASHES = '\n--------------------\n';
const rules = createToolRules();

function optionsOf(document: string): ImportOptions {
  const said = (key: string): string[] =>
    [...document.matchAll(new RegExp(`^# ${key}: (.+)$`, 'gm'))].map((match) => match[1] as string);
  const [place, name] = said('credential')[0]?.split(' ') ?? [];
  return {
    location: said('location')[0] ?? 'inline',
    settings: Object.fromEntries(said('setting').map((pair) => pair.split('=', 2) as [string, string])),
    ...(place === 'by-document' ? { credential: place } : {}),
    ...(place === undefined || name === undefined
      ? {}
      : { credential: { in: place as CredentialPlacement['in'], name } }),
  };
}

function render(document: string): string {
  try {
    const { entries, report } = importOpenApi(document, optionsOf(document));
    expect(entries.flatMap(rules)).toEqual([]);
    const tools = entries.map(({ name, definition, plan }) => {
      const { inputSchema, outputSchema, ...texts } = JSON.parse(definition) as Record<string, unknown>;
      return [
        `tool ${name} ${JSON.stringify(texts)}`,
        `input ${pretty(inputSchema)}`,
        ...(outputSchema === undefined ? [] : [`output ${pretty(outputSchema)}`]),
        `plan ${pretty(JSON.parse(plan))}`,
      ].join('\n');
    });
    return [...tools, `report ${pretty(report)}`].join('\n\n');
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
    test(file.replace('.txt', ''), () => {
      const path = join(import.meta.dirname, file);
      const [document = '', expected = ''] = readFileSync(path, 'utf8').split(DASHES);
      const actual = render(document);
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, `${document}${DASHES}${actual}\n`);
      else expect(actual).toBe(expected.trimEnd());
    });
});

// `gatewright check-openapi`: what an import would make of a document, without a server. Exit code 1 when it cannot be
// imported at all.

import type { Command } from 'commander';
import type { ImportReport } from '../core/tool.ts';
import { importOpenApi } from '../targets/openapi/import/import.ts';
import { createEgressClient } from '../upstream/client.ts';
import { createEgressGuard, ruleForUrl } from '../upstream/guard.ts';
import { createSourceReader } from '../upstream/source.ts';
import { readNamedDocument } from './read-document.ts';
import type { Environment } from './settings-flags.ts';

/** Adds the command. */
export function addCheckCommand(program: Command, _env: Environment): void {
  program
    .command('check-openapi <file|URL>')
    .description('show the import report of an OpenAPI document, without starting anything')
    .option('--json', 'the report, and the tools with their schemas, as JSON')
    .action(async (named: string, flags: { json?: boolean }) => {
      try {
        const { text, location } = await readDocument(named);
        const { entries, report } = importOpenApi(text, { location, settings: {} });
        if (flags.json === true) {
          const tools = entries.map(({ name, definition }) => ({
            name,
            ...(JSON.parse(definition) as object),
          }));
          process.stdout.write(`${JSON.stringify({ report, tools }, null, 2)}\n`);
        } else process.stdout.write(`${describe(report).join('\n')}\n`);
      } catch (thrown) {
        process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
        process.exitCode = 1;
      }
    });
}

async function readDocument(named: string): Promise<{ text: string; location: string }> {
  const document = readNamedDocument(named);
  if (document.kind === 'text') return { text: document.text, location: 'inline' };
  const egress = createEgressClient({ guard: createEgressGuard([ruleForUrl(document.url)]) });
  try {
    const read = createSourceReader({
      egress,
      maxBytes: 32 * 1024 * 1024,
      region: 'us-east-1',
      awsCredentials: () => Promise.resolve(undefined),
    });
    const text = await read(document.url.href, AbortSignal.timeout(60_000));
    return { text, location: document.url.href };
  } finally {
    await egress.close();
  }
}

function describe(report: ImportReport): string[] {
  return [
    `${report.title ?? 'Untitled'} (${report.format})`,
    `${report.tools} tools from ${report.operations} operations, ${report.skipped} skipped`,
    ...report.warnings.map((warning) => `note: ${warning}`),
    ...report.notes.map(
      ({ operation, outcome, reasons }) => `${outcome}: ${operation}: ${reasons.join('; ')}`,
    ),
  ];
}

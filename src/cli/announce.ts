// What a start shows: to people on a terminal, as log lines elsewhere. Both say the same.

import { styleText } from 'node:util';
import type { App } from '../app.ts';
import type { Log } from '../core/call.ts';
import type { QuickstartResult } from './quickstart.ts';

const NOTES_SHOWN = 12;

/** A ready-to-paste entry for MCP clients (the form that Claude, Cursor, VS Code and others read). */
export function clientSnippet({ name, mcpUrl, isOpen, isForUsers }: QuickstartResult): object {
  return {
    mcpServers: {
      [name]: {
        type: 'http',
        url: mcpUrl,
        ...(isOpen || isForUsers ? {} : { headers: { Authorization: 'Bearer <access token>' } }),
      },
    },
  };
}

/** The import as log lines: one for the whole, one for each skipped operation. */
export function showImport(result: QuickstartResult, log: Log): void {
  const { report } = result;
  for (const note of report.notes)
    if (note.outcome === 'skipped')
      log.info({ operation: note.operation, reason: note.reasons.join('; ') }, 'skipped');
  for (const caution of cautions(result))
    log.warn({ gatewayId: result.gatewayId, reason: caution }, 'import warning');
  log.info(
    {
      gatewayId: result.gatewayId,
      targetId: result.targetId,
      mcpUrl: result.mcpUrl,
      tools: report.tools,
      prompts: report.prompts,
      resources: report.resources,
      resourceTemplates: report.resourceTemplates,
      operations: report.operations,
      skipped: report.skipped,
      mcpClientConfiguration: JSON.stringify(clientSnippet(result)),
    },
    'imported',
  );
}

/** The same for people, on stdout. */
export function announceReady(app: App, result: QuickstartResult | undefined): void {
  const lines: string[] = ['', styleText('bold', 'Gatewright is ready.'), ''];
  if (result) lines.push(...importLines(result));
  lines.push(field('Control plane', app.controlUrl));
  if (app.credentialsFile !== undefined)
    lines.push(field('Credentials', `AWS_SHARED_CREDENTIALS_FILE=${app.credentialsFile}`));
  if (!result)
    lines.push(
      '',
      'Next: make a gateway from an OpenAPI document, or of an MCP server, in one line:',
      '  npm start -- --openapi <file or URL>',
      '  npm start -- --mcp <URL>',
    );
  lines.push('', 'Stop with Ctrl-C.', '');
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** What a user of the command line should know before calling: the report's warnings, and what follows from them. */
function cautions({ kind, report }: QuickstartResult): readonly string[] {
  return [
    ...report.warnings,
    ...(report.tools > 0
      ? []
      : kind === 'mcp'
        ? ['the server offers no tools']
        : [
            'no operation became a tool: look at the filters (--include-…, --exclude-…) and at what was skipped',
          ]),
  ];
}

/** How many tools of how many operations, or of an MCP server: how many of each thing it offers. */
function offerLines({ kind, report }: QuickstartResult): string[] {
  const skipped = report.skipped === 0 ? '' : ` (${report.skipped} skipped)`;
  if (kind === 'openapi')
    return [field('Tools', `${report.tools} of ${report.operations} operations${skipped}`)];
  const templates = report.resourceTemplates ?? 0;
  return [
    field('Tools', `${report.tools}${skipped}`),
    ...(report.prompts === undefined ? [] : [field('Prompts', String(report.prompts))]),
    ...(report.resources === undefined
      ? []
      : [field('Resources', `${report.resources}${templates === 0 ? '' : `, templates ${templates}`}`)]),
  ];
}

function importLines(result: QuickstartResult): string[] {
  const { report } = result;
  const skipped = report.notes.filter((note) => note.outcome === 'skipped');
  return [
    field('MCP endpoint', styleText('cyan', result.mcpUrl)),
    ...offerLines(result),
    field('Who may call', whoMayCall(result)),
    ...cautions(result).map((caution) => field('Note', styleText('yellow', caution))),
    ...skipped
      .slice(0, NOTES_SHOWN)
      .map((note) => field('Skipped', `${note.operation}: ${note.reasons.join('; ')}`)),
    ...(skipped.length > NOTES_SHOWN
      ? [
          field(
            '',
            `… and ${skipped.length - NOTES_SHOWN} more: gatewright get-gateway-target-import-report --gateway-identifier ${result.gatewayId} --target-id ${result.targetId}`,
          ),
        ]
      : []),
    '',
    'For your MCP client:',
    JSON.stringify(clientSnippet(result), null, 2),
    '',
  ];
}

function whoMayCall({ isOpen, isForUsers }: QuickstartResult): string {
  if (isOpen) return 'anybody on this machine (no authorizer)';
  return isForUsers
    ? 'users who sign in (add one: gatewright users add <name>)'
    : 'callers with a token (CUSTOM_JWT)';
}

function field(name: string, value: string): string {
  return `  ${name.padEnd(15)} ${value}`;
}

// The import of an OpenAPI document: text in, tools with plans and a report out. Pure and synchronous; discover.ts
// runs it beside the main thread. One operation that cannot be a tool never costs the others.

import { GatewayError } from '../../../core/errors.ts';
import type { CredentialPlacement } from '../../../core/outbound.ts';
import type { Catalogue, CatalogueEntry, ImportNote } from '../../../core/tool.ts';
import { createDefinitions } from './definitions.ts';
import { shorten } from './description.ts';
import { createFilter } from './filter.ts';
import { loadDocument } from './load.ts';
import { nameTools } from './names.ts';
import {
  buildTool,
  operationIdOf,
  reasonNeverTool,
  type DocumentContext,
  type OperationSource,
} from './operation.ts';
import { findOperations } from './operations.ts';
import { createPatternCheck } from './patterns.ts';
import { member, textMember } from './raw.ts';
import { createReferences } from './references.ts';
import { relaxSchema } from './relax.ts';
import { createServers } from './servers.ts';
import { detectDialect } from './versions.ts';
import { createWork, WorkExceeded } from './work.ts';

/** What the import needs to know besides the document. */
export interface ImportOptions {
  /** Where the document came from: base of relative servers, and shown in the report. */
  readonly location: string;
  /** `gatewright:` settings, keys without the prefix. */
  readonly settings: Readonly<Record<string, string>>;
  /** What the target's credential fills, so that no argument is made of it; see DiscoverContext. */
  readonly credential?: CredentialPlacement | 'by-document';
}

const WORK_LIMITS = { operation: 300_000, document: 12_000_000 };
const MAX_REASONS = 12;

/**
 * Makes the tools of a document.
 * @throws GatewayError Validation when the document cannot be read as one, with place, cause and cure.
 */
export function importOpenApi(text: string, options: ImportOptions): Catalogue {
  const loaded = loadDocument(text);
  const { root } = loaded;
  const dialect = detectDialect(root);
  const references = createReferences(root, options.location);
  const servers = createServers(root, dialect, options.location, options.settings['server-url']);
  const work = createWork(WORK_LIMITS);
  const shared = { dialect, references, work, isUsablePattern: createPatternCheck() };
  const document: DocumentContext = {
    root,
    references,
    servers,
    credential: options.credential,
    requests: createDefinitions({ ...shared, direction: 'request', finish: (schema) => schema }),
    responses: createDefinitions({ ...shared, direction: 'response', finish: relaxSchema }),
  };
  const found = findOperations(root, references);
  const names = nameTools(
    found.operations.map(({ method, path, operation }) => {
      const operationId = operationIdOf(operation);
      return { method, path, ...(operationId === undefined ? {} : { operationId }) };
    }),
  );
  const entries: CatalogueEntry[] = [];
  const notes: ImportNote[] = found.unreadable.map(({ method, path, reason }) => ({
    operation: shorten(`${method} ${path}`, 400),
    outcome: 'skipped',
    reasons: [reason],
  }));
  const isLetThrough = createFilter(options.settings);
  found.operations.forEach((source, index) => {
    work.next();
    const name = names[index] as string;
    const label = shorten(`${source.method} ${source.path}`, 400);
    const reasons = new Set<string>();
    const refused =
      reasonNeverTool(source.method) ?? isLetThrough(source.method, source.path, source.operation);
    const entry = refused ?? tryBuild(name, source, document, reasons);
    if (typeof entry === 'string') notes.push({ operation: label, outcome: 'skipped', reasons: [entry] });
    else {
      entries.push(entry);
      if (reasons.size > 0)
        notes.push({ operation: label, tool: name, outcome: 'changed', reasons: listed(reasons) });
    }
  });
  const title = textMember(member(root, 'info'), 'title');
  const operations = found.operations.length + found.unreadable.length;
  return {
    entries,
    report: {
      source: options.location,
      ...(title === undefined ? {} : { title: shorten(title, 200) }),
      format: dialect.format,
      operations,
      tools: entries.length,
      skipped: operations - entries.length,
      notes,
      warnings: [...loaded.warnings, ...found.warnings, ...servers.warnings],
    },
  };
}

/** The tool, or why there is none. */
function tryBuild(
  name: string,
  source: OperationSource,
  document: DocumentContext,
  reasons: Set<string>,
): CatalogueEntry | string {
  try {
    return buildTool(name, source, document, reasons);
  } catch (thrown) {
    if (thrown instanceof WorkExceeded || thrown instanceof GatewayError) return thrown.message;
    return `it could not be read: ${thrown instanceof Error ? thrown.message.slice(0, 200) : 'unknown cause'}`;
  }
}

function listed(reasons: ReadonlySet<string>): string[] {
  const all = [...reasons].map((reason) => shorten(reason, 300));
  return all.length <= MAX_REASONS
    ? all
    : [...all.slice(0, MAX_REASONS), `and ${all.length - MAX_REASONS} more`];
}

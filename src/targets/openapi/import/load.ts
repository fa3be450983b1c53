// From text to a tree: JSON when it looks like JSON, else YAML 1.2 (core schema, merge keys). Says where a text
// breaks off. Knows nothing of what the tree means.

import { isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml';
import { GatewayError } from '../../../core/errors.ts';

/** A document as a tree of plain values, with remarks on how it could be read. */
export interface LoadedDocument {
  readonly root: unknown;
  readonly warnings: readonly string[];
}

const MAX_CHARACTERS = 32 * 1024 * 1024;
/** YAML reads broken JSON more kindly, but slowly: larger texts get the JSON error at once. */
const MAX_SECOND_TRY = 2 * 1024 * 1024;
/** Times an alias may multiply what it stands for; the library's own 100 refuses honest documents. */
const MAX_ALIAS_COUNT = 5000;

/**
 * Parses a document.
 * @throws GatewayError Validation, naming line and column.
 */
export function loadDocument(text: string): LoadedDocument {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (body.length > MAX_CHARACTERS)
    throw unreadable(
      `The document has ${body.length} characters; at most ${MAX_CHARACTERS} are read. Split it.`,
    );
  if (body.trim() === '')
    throw unreadable('The document is empty. Give an OpenAPI document in JSON or YAML.');
  if (!/^\s*[{[]/.test(body)) return loadYaml(body);
  try {
    return { root: JSON.parse(body) as unknown, warnings: [] };
  } catch (cause) {
    if (body.length <= MAX_SECOND_TRY) {
      try {
        const loaded = loadYaml(body);
        return {
          root: loaded.root,
          warnings: ['The document is not valid JSON; it was read as YAML.', ...loaded.warnings],
        };
      } catch {
        // The JSON error says more about a text that begins like JSON.
      }
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unreadable(`The document is not valid JSON: ${clip(reason)}. Correct the text there.`, cause);
  }
}

function loadYaml(text: string): LoadedDocument {
  try {
    const document = parseDocument(text, {
      schema: 'core',
      merge: true,
      uniqueKeys: false,
      strict: false,
      keepSourceTokens: false,
      prettyErrors: false,
      logLevel: 'silent',
    });
    const warnings: string[] = [];
    for (const error of document.errors) {
      if (error.code === 'MULTIPLE_DOCS') {
        warnings.push('The text holds several YAML documents; only the first was read.');
        continue;
      }
      throw unreadable(
        `The document is not valid YAML: ${clip(error.message)} at ${position(text, error.pos[0])}. Correct the text there.`,
        error,
      );
    }
    warnings.push(...duplicateKeys(document.contents, text));
    return { root: document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }) as unknown, warnings };
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    if (cause instanceof ReferenceError && cause.message.includes('alias count'))
      throw unreadable(
        'The document’s YAML aliases multiply beyond all measure. Write the repeated parts as $ref.',
        cause,
      );
    if (cause instanceof RangeError)
      throw unreadable('The document is nested too deeply to be read. Flatten it with $ref.', cause);
    throw unreadable(
      `The document could not be read as YAML: ${clip(cause instanceof Error ? cause.message : String(cause))}.`,
      cause,
    );
  }
}

function duplicateKeys(contents: unknown, text: string): string[] {
  const found: string[] = [];
  const open: unknown[] = [contents];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isPair(node)) open.push(node.value);
    else if (isSeq(node)) for (const item of node.items) open.push(item);
    else if (isMap(node)) {
      const seen = new Set<string>();
      for (const pair of node.items) {
        const key = isScalar(pair.key) ? String(pair.key.value) : undefined;
        if (key !== undefined && key !== '<<' && seen.has(key) && found.length < 5)
          found.push(
            `The key "${clip(key)}" stands twice in one mapping (${position(text, isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0)}); the last one counts.`,
          );
        if (key !== undefined) seen.add(key);
        if (pair.value !== null) open.push(pair.value);
      }
    }
  }
  return found;
}

function position(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return `line ${line}, column ${offset - before.lastIndexOf('\n')}`;
}

function clip(message: string): string {
  const line = message.split('\n')[0]?.trim() ?? '';
  return line.length > 200 ? `${line.slice(0, 200)}…` : line.replace(/\.$/, '');
}

function unreadable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('Validation', message, {
    reason: 'CannotParse',
    ...(cause === undefined ? {} : { cause }),
  });
}

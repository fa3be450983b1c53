// A first draft of a tool schema for a function: what the code of its handler lets guess of tools and their arguments. A
// draft for people to correct; nothing is called and nothing of the code is run.

import { fromBufferPromise } from 'yauzl';
import { buffer } from 'node:stream/consumers';

/** Source files are no longer than this (bytes); others are not looked at. */
const MAX_SOURCE_BYTES = 1024 * 1024;
const TOOL_NAMES = [
  /\btool_?name\w*\s*(?:===?|==)\s*['"]([\w-]{1,128})['"]/gi,
  /['"]([\w-]{1,128})['"]\s*(?:===?|==)\s*tool_?name\b/gi,
  /\bcase\s+['"]([\w-]{1,128})['"]\s*:/g,
];
const ARGUMENTS = [
  /\bevent\s*\[\s*['"](\w{1,64})['"]\s*\]/g,
  /\bevent\s*\.\s*get\(\s*['"](\w{1,64})['"]/g,
  /\bevent\s*\??\.\s*([a-zA-Z_]\w{0,63})\b(?!\s*\()/g,
];
const DESTRUCTURED = /\{([^{}]{1,500})\}\s*=\s*event\b/g;

/** One tool as a Lambda target takes it. */
export interface ToolDraft {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: {
    readonly type: 'object';
    readonly properties: Readonly<Record<string, { readonly type: 'string'; readonly description: string }>>;
  };
}

/** The text of a file of an archive by its name without suffix, such as `index` or `src/app`; undefined without one. */
export async function handlerSource(archive: Buffer, module: string): Promise<string | undefined> {
  const zip = await fromBufferPromise(archive, { lazyEntries: true });
  const wanted = ['py', 'mjs', 'js', 'cjs'].map((suffix) => `${module}.${suffix}`);
  for await (const entry of zip.eachEntry())
    if (wanted.includes(entry.fileName) && entry.uncompressedSize <= MAX_SOURCE_BYTES)
      return (await buffer(await zip.openReadStreamPromise(entry))).toString('utf8');
  return undefined;
}

/** Tools that a source distinguishes by name; one of the function's own name where it distinguishes none. */
export function draftTools(source: string, functionName: string): readonly ToolDraft[] {
  const names = [...new Set(TOOL_NAMES.flatMap((pattern) => matchesOf(pattern, source)))];
  const properties = Object.fromEntries(
    argumentsOf(source).map((name) => [name, { type: 'string' as const, description: `What ${name} is.` }]),
  );
  return (names.length > 0 ? names : [functionName]).map((name) => ({
    name,
    description: `What ${name} does, and when it is to be used.`,
    inputSchema: { type: 'object', properties },
  }));
}

function argumentsOf(source: string): readonly string[] {
  const destructured = matchesOf(DESTRUCTURED, source).flatMap((body) =>
    body.split(',').flatMap((part) => /^\s*([a-zA-Z_]\w*)/.exec(part)?.[1] ?? []),
  );
  const names = [...ARGUMENTS.flatMap((pattern) => matchesOf(pattern, source)), ...destructured];
  // `event.get` is the method of a dictionary, not an argument.
  return [...new Set(names)].filter((name) => !['get', 'keys', 'items', 'values'].includes(name)).sort();
}

function matchesOf(pattern: RegExp, source: string): readonly string[] {
  return [...source.matchAll(pattern)].flatMap((match) => match[1] ?? []);
}

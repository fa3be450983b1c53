// Finds the operations of a document, through path items that are references. What is no operation is passed over.

import type { OperationSource } from './operation.ts';
import { entriesOf, isRaw, member, type Raw } from './raw.ts';
import type { References } from './references.ts';

const METHODS: ReadonlySet<string> = new Set([
  'get',
  'put',
  'post',
  'delete',
  'options',
  'head',
  'patch',
  'trace',
  'query',
  'connect',
]);

/** Something that stands where an operation should, or (method `*`) a path item, and why it is none. */
export interface Unreadable {
  readonly method: string;
  readonly path: string;
  readonly reason: string;
}

/** The operations, and what could not be read. */
export interface FoundOperations {
  readonly operations: readonly OperationSource[];
  readonly unreadable: readonly Unreadable[];
  readonly warnings: readonly string[];
}

/** Lists the operations in the document's order. */
export function findOperations(root: unknown, references: References): FoundOperations {
  const paths = member(root, 'paths');
  const operations: OperationSource[] = [];
  const unreadable: Unreadable[] = [];
  const warnings: string[] = [];
  if (!isRaw(paths)) {
    const hooks = isRaw(member(root, 'webhooks'))
      ? ' It has webhooks, but those are calls to you, not tools.'
      : '';
    warnings.push(`The document has no paths, so there are no tools.${hooks}`);
  }
  for (const [path, written] of entriesOf(paths)) {
    if (path.startsWith('x-') || written === null) continue;
    const pathItem = readPathItem(written, references);
    if (typeof pathItem === 'string') unreadable.push({ method: '*', path, reason: pathItem });
    else operations.push(...operationsOf(path, pathItem, references, unreadable));
  }
  if (isRaw(paths) && operations.length === 0 && unreadable.length === 0)
    warnings.push('The document’s paths hold no operations, so there are no tools.');
  return { operations, unreadable, warnings };
}

function readPathItem(written: unknown, references: References): Raw | string {
  if (!isRaw(written)) return 'the path item is no object';
  const found = references.follow(written);
  if ('missing' in found) {
    const own = Object.keys(written).some((key) => METHODS.has(key.toLowerCase()));
    return own ? written : found.missing;
  }
  if (!isRaw(found.node)) return 'the path item is no object';
  return found.node === written ? written : { ...found.node, ...written };
}

function operationsOf(
  path: string,
  pathItem: Raw,
  references: References,
  unreadable: Unreadable[],
): OperationSource[] {
  const found: OperationSource[] = [];
  const add = (key: string, written: unknown): void => {
    const method = key.toUpperCase();
    const end = references.follow(written);
    if (!('missing' in end) && isRaw(end.node)) found.push({ method, path, pathItem, operation: end.node });
    else
      unreadable.push({
        method,
        path,
        reason: 'missing' in end ? end.missing : 'the operation is no object',
      });
  };
  for (const [key, value] of Object.entries(pathItem)) if (METHODS.has(key.toLowerCase())) add(key, value);
  for (const [method, value] of entriesOf(pathItem['additionalOperations']))
    if (!found.some((each) => each.method === method.toUpperCase())) add(method, value);
  return found;
}

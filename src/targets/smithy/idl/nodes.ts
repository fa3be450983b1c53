// Node values of Smithy IDL: JSON with comments, unquoted keys, text blocks and shape ids. A shape id stays a marker until
// every file is read, since what it means depends on all of them.

import type { Scanner } from './scanner.ts';

/** Deepest nesting that is read. */
const MAX_DEPTH = 64;

/** An unquoted shape id among the values. */
export class ShapeReference {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

export type IdlNode = string | number | boolean | null | ShapeReference | readonly IdlNode[] | IdlObject;

/** Members in the order they were written. */
export interface IdlObject {
  readonly members: readonly (readonly [key: string, value: IdlNode])[];
}

export function isIdlObject(node: IdlNode | undefined): node is IdlObject {
  return typeof node === 'object' && node !== null && 'members' in node;
}

/** One value. @throws IdlFault */
export function readNode(scanner: Scanner, depth = 0): IdlNode {
  if (depth > MAX_DEPTH) throw scanner.fault(`values are nested more than ${MAX_DEPTH} deep`);
  if (scanner.sees('{')) return readObject(scanner, depth);
  if (scanner.sees('[')) return readArray(scanner, depth);
  const simple = scanner.quoted() ?? scanner.number();
  if (simple !== undefined) return simple;
  const id = scanner.shapeId();
  return id === 'true' ? true : id === 'false' ? false : id === 'null' ? null : new ShapeReference(id);
}

/** `{ … }`. @throws IdlFault */
export function readObject(scanner: Scanner, depth = 0): IdlObject {
  scanner.expect('{');
  const members = readPairs(scanner, '}', depth);
  scanner.expect('}');
  return { members };
}

/** Pairs up to, and without, what ends them. @throws IdlFault */
export function readPairs(scanner: Scanner, end: string, depth = 0): IdlObject['members'] {
  const members: [string, IdlNode][] = [];
  for (scanner.skip(); !scanner.sees(end); scanner.skip()) {
    const key = scanner.quoted() ?? scanner.identifier('a key');
    scanner.skip();
    scanner.expect(':');
    scanner.skip();
    members.push([key, readNode(scanner, depth + 1)]);
  }
  return members;
}

function readArray(scanner: Scanner, depth: number): readonly IdlNode[] {
  scanner.expect('[');
  const items: IdlNode[] = [];
  for (scanner.skip(); !scanner.accept(']'); scanner.skip()) items.push(readNode(scanner, depth + 1));
  return items;
}

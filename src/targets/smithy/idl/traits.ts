// Traits of Smithy IDL as they are written: `@name`, `@name(value)`, `@name(key: value, …)`, and documentation comments,
// which are the trait `documentation` (Smithy 2.0, "Trait values", "Documentation comments").

import type { IdlNode } from './nodes.ts';
import { readNode, readPairs } from './nodes.ts';
import type { Scanner } from './scanner.ts';

export interface RawTrait {
  /** As written: relative or absolute. */
  readonly id: string;
  /** Absent: what it means depends on the trait's shape. */
  readonly value?: IdlNode;
}

const DOCUMENTATION = 'smithy.api#documentation';
/** `name:` or `"name":`, which begins pairs rather than a value. */
const PAIR = /(?:[A-Za-z_][A-Za-z0-9_]*|"(?:[^"\\]|\\[^])*")[ \t\r\n,]*:/y;

/** All traits before a shape or member. @throws IdlFault */
export function readTraits(scanner: Scanner, documentation: string | undefined): readonly RawTrait[] {
  const traits: RawTrait[] = documentation === undefined ? [] : [{ id: DOCUMENTATION, value: documentation }];
  for (scanner.skip(); scanner.sees('@'); scanner.skip()) traits.push(readTrait(scanner));
  // Between traits and what they are of, a documentation comment documents nothing.
  scanner.takeDocumentation();
  return traits;
}

/** One trait. @throws IdlFault */
export function readTrait(scanner: Scanner): RawTrait {
  scanner.expect('@');
  const id = scanner.shapeId();
  if (!scanner.accept('(')) return { id };
  scanner.skip();
  if (scanner.accept(')')) return { id };
  const value = isPair(scanner) ? { members: readPairs(scanner, ')') } : readNode(scanner);
  scanner.skip();
  scanner.expect(')');
  return { id, value };
}

function isPair({ text, offset }: Scanner): boolean {
  PAIR.lastIndex = offset;
  return PAIR.test(text);
}

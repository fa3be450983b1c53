// Shape statements of Smithy IDL as they are written, inline inputs and outputs included. What their names refer to is
// found later.

import type { IdlNode, IdlObject } from './nodes.ts';
import { readNode, readObject } from './nodes.ts';
import type { Scanner } from './scanner.ts';
import { readTraits } from './traits.ts';
import type { RawTrait } from './traits.ts';

export interface RawMember {
  readonly name: string;
  /** Absent: elided (`$name`), or a member of an enum. */
  readonly target?: string;
  /** After `=`. */
  readonly assigned?: IdlNode;
  readonly traits: readonly RawTrait[];
  readonly offset: number;
}

export interface RawShape {
  readonly type: string;
  readonly name: string;
  readonly traits: readonly RawTrait[];
  readonly mixins: readonly string[];
  /** `for` a resource. */
  readonly resource?: string;
  readonly members?: readonly RawMember[];
  /** The properties of a service or resource. */
  readonly properties?: IdlObject;
  readonly operation?: RawOperation;
  readonly offset: number;
}

export interface RawOperation {
  readonly input?: string | RawShape;
  readonly output?: string | RawShape;
  readonly errors: readonly string[];
}

const SIMPLE =
  'blob boolean document string byte short integer long float double bigInteger bigDecimal timestamp'.split(
    ' ',
  );
const AGGREGATE = ['list', 'set', 'map', 'union', 'structure'];
const ENUMS = ['enum', 'intEnum'];
const ENTITIES = ['service', 'resource'];

/** What a shape statement can begin with. */
export const SHAPE_TYPES: ReadonlySet<string> = new Set([
  ...SIMPLE,
  ...AGGREGATE,
  ...ENUMS,
  ...ENTITIES,
  'operation',
]);

/** A shape, from its name on. @throws IdlFault */
export function readShape(
  scanner: Scanner,
  type: string,
  traits: readonly RawTrait[],
  control: ReadonlyMap<string, IdlNode>,
): RawShape {
  const { offset } = scanner;
  const name = scanner.identifier('the name of the shape');
  const header = { type, name, traits, offset };
  if (SIMPLE.includes(type)) return { ...header, mixins: readMixins(scanner) };
  scanner.skip();
  if (ENTITIES.includes(type)) {
    const mixins = readMixins(scanner);
    return { ...header, mixins, properties: readObject(scanner) };
  }
  if (type === 'operation') {
    const mixins = readMixins(scanner);
    return { ...header, mixins, operation: readOperation(scanner, name, control) };
  }
  return { ...header, ...readBody(scanner, ENUMS.includes(type)) };
}

function readBody(scanner: Scanner, isEnum: boolean): Pick<RawShape, 'mixins' | 'members' | 'resource'> {
  const resource = readForResource(scanner);
  const mixins = readMixins(scanner);
  const members = readMembers(scanner, isEnum);
  return { ...(resource === undefined ? {} : { resource }), mixins, members };
}

function readForResource(scanner: Scanner): string | undefined {
  if (!scanner.acceptWord('for')) return undefined;
  scanner.skip();
  const resource = scanner.shapeId();
  scanner.skip();
  return resource;
}

function readMixins(scanner: Scanner): readonly string[] {
  const { offset } = scanner;
  scanner.skip();
  if (!scanner.acceptWord('with')) {
    // What was skipped may hold the documentation of the next statement.
    scanner.offset = offset;
    scanner.takeDocumentation();
    scanner.skip();
    return [];
  }
  scanner.skip();
  scanner.expect('[');
  const mixins: string[] = [];
  for (scanner.skip(); !scanner.accept(']'); scanner.skip()) mixins.push(scanner.shapeId());
  scanner.skip();
  return mixins;
}

function readMembers(scanner: Scanner, isEnum: boolean): readonly RawMember[] {
  scanner.expect('{');
  const members: RawMember[] = [];
  for (scanner.skip(); !scanner.accept('}'); scanner.skip()) members.push(readMember(scanner, isEnum));
  return members;
}

function readMember(scanner: Scanner, isEnum: boolean): RawMember {
  const traits = readTraits(scanner, scanner.takeDocumentation());
  const { offset } = scanner;
  const isElided = scanner.accept('$');
  const name = scanner.quoted() ?? scanner.identifier('a member');
  scanner.skip();
  let target: string | undefined;
  if (!isElided && !isEnum) {
    scanner.expect(':');
    scanner.skip();
    target = scanner.shapeId();
    scanner.skip();
  }
  let assigned: IdlNode | undefined;
  if (scanner.accept('=')) {
    scanner.skip();
    assigned = readNode(scanner);
  }
  return {
    name,
    traits,
    offset,
    ...(target === undefined ? {} : { target }),
    ...(assigned === undefined ? {} : { assigned }),
  };
}

function readOperation(scanner: Scanner, name: string, control: ReadonlyMap<string, IdlNode>): RawOperation {
  scanner.expect('{');
  let operation: RawOperation = { errors: [] };
  for (scanner.skip(); !scanner.accept('}'); scanner.skip()) {
    const { offset } = scanner;
    const property = scanner.quoted() ?? scanner.identifier('input, output or errors');
    scanner.skip();
    if (property === 'input' || property === 'output') {
      const suffix = control.get(property === 'input' ? 'operationInputSuffix' : 'operationOutputSuffix');
      const standard = property === 'input' ? 'Input' : 'Output';
      const inlineName = `${name}${typeof suffix === 'string' ? suffix : standard}`;
      operation = { ...operation, [property]: readInputOrOutput(scanner, inlineName, property) };
    } else if (property === 'errors') {
      scanner.expect(':');
      operation = { ...operation, errors: readIds(scanner) };
    } else throw scanner.fault(`an operation has no property “${property}”`, offset);
  }
  return operation;
}

function readInputOrOutput(
  scanner: Scanner,
  inlineName: string,
  property: 'input' | 'output',
): string | RawShape {
  scanner.expect(':');
  if (!scanner.accept('=')) {
    scanner.skip();
    return scanner.quoted() ?? scanner.shapeId();
  }
  scanner.skip();
  const traits = readTraits(scanner, scanner.takeDocumentation());
  const { offset } = scanner;
  return {
    type: 'structure',
    name: inlineName,
    traits: [...traits, { id: `smithy.api#${property}` }],
    ...readBody(scanner, false),
    offset,
  };
}

function readIds(scanner: Scanner): readonly string[] {
  scanner.skip();
  scanner.expect('[');
  const ids: string[] = [];
  for (scanner.skip(); !scanner.accept(']'); scanner.skip()) ids.push(scanner.quoted() ?? scanner.shapeId());
  return ids;
}

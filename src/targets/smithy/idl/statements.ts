// Statements of one Smithy IDL file, 1.0 and 2.0: control, metadata, namespace, use, apply and shapes, as they are
// written. Nothing is resolved here. A statement with a fault is left out, and reading goes on with the next.

import type { IdlNode } from './nodes.ts';
import { readNode } from './nodes.ts';
import { IdlFault, Scanner } from './scanner.ts';
import { readShape, SHAPE_TYPES } from './shapes.ts';
import type { RawShape } from './shapes.ts';
import { readTrait, readTraits } from './traits.ts';
import type { RawTrait } from './traits.ts';

const MAX_FAULTS = 50;

export interface RawApply {
  readonly target: string;
  readonly traits: readonly RawTrait[];
  readonly offset: number;
}

/** One fault, for people. */
export interface IdlProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** One file as it was read. */
export interface IdlFile {
  readonly name: string;
  /** `$version` and the like. */
  readonly control: ReadonlyMap<string, IdlNode>;
  readonly metadata: readonly (readonly [string, IdlNode])[];
  readonly namespace: string;
  /** Absolute shape ids. */
  readonly uses: readonly string[];
  readonly shapes: readonly RawShape[];
  readonly applies: readonly RawApply[];
  readonly problems: readonly IdlProblem[];
  /** A problem at a place of this file. */
  readonly problemAt: (offset: number, message: string) => IdlProblem;
}

/** Reads a file. Faults are among its problems; nothing is thrown. */
export function readFile(name: string, text: string): IdlFile {
  const scanner = new Scanner(text);
  const reader = new FileReader(scanner);
  const problemAt = (offset: number, message: string): IdlProblem => ({
    file: name,
    ...scanner.place(offset),
    message,
  });
  const problems: IdlProblem[] = [];
  for (scanner.skip(); !scanner.isAtEnd; scanner.skip()) {
    const begin = scanner.offset;
    try {
      reader.statement();
    } catch (thrown) {
      if (!(thrown instanceof IdlFault)) throw thrown;
      problems.push(problemAt(thrown.offset, thrown.message));
      if (problems.length >= MAX_FAULTS) break;
      scanner.recover(begin + 1);
    }
  }
  if (reader.namespace === '' && (reader.shapes.length > 0 || reader.applies.length > 0))
    problems.push(problemAt(0, 'there is no namespace statement before the shapes'));
  const { control, metadata, namespace, uses, shapes, applies } = reader;
  return { name, control, metadata, namespace, uses, shapes, applies, problems, problemAt };
}

class FileReader {
  readonly control = new Map<string, IdlNode>();
  readonly metadata: [string, IdlNode][] = [];
  readonly uses: string[] = [];
  readonly shapes: RawShape[] = [];
  readonly applies: RawApply[] = [];
  namespace = '';
  readonly #scanner: Scanner;

  constructor(scanner: Scanner) {
    this.#scanner = scanner;
  }

  statement(): void {
    const scanner = this.#scanner;
    const documentation = scanner.takeDocumentation();
    if (scanner.accept('$')) return this.#control();
    if (scanner.acceptWord('metadata')) return this.#metadata();
    if (scanner.acceptWord('namespace')) return this.#namespace();
    if (scanner.acceptWord('use')) return this.#use();
    if (scanner.acceptWord('apply')) return this.#apply();
    const traits = readTraits(scanner, documentation);
    const { offset } = scanner;
    const type = scanner.identifier('a statement');
    if (!SHAPE_TYPES.has(type)) throw scanner.fault(`there is no kind of shape “${type}”`, offset);
    scanner.skip();
    const shape = readShape(scanner, type, traits, this.control);
    this.shapes.push(shape);
  }

  #control(): void {
    const scanner = this.#scanner;
    const key = scanner.quoted() ?? scanner.identifier();
    scanner.skip();
    scanner.expect(':');
    scanner.skip();
    this.control.set(key, readNode(scanner));
  }

  #metadata(): void {
    const scanner = this.#scanner;
    scanner.skip();
    const key = scanner.quoted() ?? scanner.identifier();
    scanner.skip();
    scanner.expect('=');
    scanner.skip();
    this.metadata.push([key, readNode(scanner)]);
  }

  #namespace(): void {
    const scanner = this.#scanner;
    scanner.skip();
    const { offset } = scanner;
    const namespace = scanner.namespace();
    if (this.namespace !== '') throw scanner.fault('a file has one namespace', offset);
    this.namespace = namespace;
  }

  #use(): void {
    const scanner = this.#scanner;
    scanner.skip();
    const { offset } = scanner;
    const id = scanner.shapeId();
    if (!id.includes('#') || id.includes('$'))
      throw scanner.fault('use takes an absolute shape id, as in smithy.example#Shape', offset);
    this.uses.push(id);
  }

  #apply(): void {
    const scanner = this.#scanner;
    scanner.skip();
    const { offset } = scanner;
    const target = scanner.shapeId();
    scanner.skip();
    if (!scanner.accept('{')) {
      this.applies.push({ target, traits: [readTrait(scanner)], offset });
      return;
    }
    scanner.skip();
    const traits = readTraits(scanner, undefined);
    scanner.expect('}');
    this.applies.push({ target, traits, offset });
  }
}

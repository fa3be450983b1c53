// The characters of one Smithy IDL file: white space, comments, names, texts and numbers (Smithy 2.0, "Smithy IDL",
// ABNF). Knows no statement. Every loop goes forward, so that a file of any content is read in linear time.

/** A fault of a file, at a place in it. */
export class IdlFault extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'IdlFault';
    this.offset = offset;
  }
}

const IDENTIFIER = /(?:_+[A-Za-z0-9]|[A-Za-z])[A-Za-z0-9_]*/y;
const SHAPE_ID = new RegExp(
  String.raw`(?:${IDENTIFIER.source}(?:\.${IDENTIFIER.source})*#)?${IDENTIFIER.source}(?:\$${IDENTIFIER.source})?`,
  'y',
);
const NAMESPACE = new RegExp(String.raw`${IDENTIFIER.source}(?:\.${IDENTIFIER.source})*`, 'y');
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** White space, commas and plain comments; documentation comments are looked at one by one. */
const BLANK = /(?:[ \t\r\n,]+|\/\/(?!\/)[^\n]*)+/y;
const DOCUMENTATION = /\/\/\/[ ]?([^\n]*)/y;
const ESCAPES: Readonly<Record<string, string>> = Object.freeze({
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
});

export class Scanner {
  readonly text: string;
  offset = 0;
  #documentation: string[] = [];

  constructor(text: string) {
    // RFC 8259 lets readers ignore a byte order mark; CR LF is one line break (ABNF, NL).
    this.text = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  }

  get isAtEnd(): boolean {
    return this.offset >= this.text.length;
  }

  /** Goes on to the next character that means something. Documentation comments are kept for whoever takes them. */
  skip(): void {
    for (;;) {
      this.#match(BLANK);
      const begin = this.offset;
      const line = this.#match(DOCUMENTATION);
      if (line === undefined) return;
      // Behind something else on its line it documents nothing.
      const before = this.text.slice(this.text.lastIndexOf('\n', begin - 1) + 1, begin);
      if (before.trim() === '') this.#documentation.push(line.replace(/^\/\/\/ ?/, ''));
    }
  }

  /** The documentation comment right before here, once; undefined when there is none. */
  takeDocumentation(): string | undefined {
    const lines = this.#documentation;
    this.#documentation = [];
    return lines.length === 0 ? undefined : lines.join('\n');
  }

  /** Whether the text goes on with this, without taking it. */
  sees(expected: string): boolean {
    return this.text.startsWith(expected, this.offset);
  }

  /** Takes this if it comes next. */
  accept(expected: string): boolean {
    if (!this.sees(expected)) return false;
    this.offset += expected.length;
    return true;
  }

  /** @throws IdlFault unless it comes next */
  expect(expected: string): void {
    if (!this.accept(expected)) throw this.fault(`expected “${expected}”`);
  }

  /** A whole word that comes next, if it is this one. */
  acceptWord(word: string): boolean {
    const begin = this.offset;
    if (this.#match(IDENTIFIER) === word) return true;
    this.offset = begin;
    return false;
  }

  /** @throws IdlFault */
  identifier(what = 'a name'): string {
    return this.#match(IDENTIFIER) ?? this.#missing(what);
  }

  /** An absolute or relative shape id. @throws IdlFault */
  shapeId(): string {
    return this.#match(SHAPE_ID) ?? this.#missing('a shape id');
  }

  /** @throws IdlFault */
  namespace(): string {
    return this.#match(NAMESPACE) ?? this.#missing('a namespace');
  }

  /** A number, if one comes next. */
  number(): number | undefined {
    const text = this.#match(NUMBER);
    return text === undefined ? undefined : Number(text);
  }

  /** A quoted text or a text block, if one comes next. @throws IdlFault when it does not end */
  quoted(): string | undefined {
    if (!this.sees('"')) return undefined;
    if (this.sees('"""')) return this.#textBlock();
    const begin = this.offset + 1;
    const end = this.#endOfText(begin, '"');
    this.offset = end + 1;
    return this.#unescape(this.text.slice(begin, end), begin);
  }

  fault(message: string, offset = this.offset): IdlFault {
    const found = this.isAtEnd
      ? 'the end of the file'
      : JSON.stringify(this.text.slice(offset, offset + 20).split('\n')[0]);
    return new IdlFault(`${message}, found ${found}`, offset);
  }

  /** Goes on to the next line that can begin a statement: after a fault, what follows may be whole. */
  recover(from: number): void {
    const next = /\n(?=[A-Za-z@$]|\/\/\/)/g;
    next.lastIndex = Math.max(from, this.offset);
    this.offset = next.exec(this.text) === null ? this.text.length : next.lastIndex;
    this.#documentation = [];
  }

  /** Line and column of a place, both counted from one. */
  place(offset: number): { readonly line: number; readonly column: number } {
    const before = this.text.slice(0, offset);
    return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.offset += found.length;
    return found;
  }

  #missing(what: string): never {
    throw this.fault(`expected ${what}`);
  }

  /** Where the closing quotes begin. */
  #endOfText(begin: number, quotes: string): number {
    for (let at = begin; at < this.text.length; at += 1) {
      if (this.text[at] === '\\') at += 1;
      else if (this.text.startsWith(quotes, at)) return at;
    }
    throw new IdlFault('a text that does not end', begin);
  }

  /** Text blocks lose the indentation that their lines have in common, then their escapes are read. */
  #textBlock(): string {
    const begin = this.offset + 3;
    const opening = /[ \t]*\n/y;
    opening.lastIndex = begin;
    if (!opening.test(this.text))
      throw new IdlFault('a text block begins with a line break after its quotes', begin);
    const end = this.#endOfText(opening.lastIndex, '"""');
    const lines = this.text.slice(opening.lastIndex, end).split('\n');
    const counted = lines.filter((line, index) => line.trim() !== '' || index === lines.length - 1);
    const margin = Math.min(...counted.map((line) => line.length - line.trimStart().length));
    this.offset = end + 3;
    const joined = lines.map((line) => line.slice(margin).replace(/[ \t]+$/, '')).join('\n');
    return this.#unescape(joined, begin);
  }

  #unescape(raw: string, offset: number): string {
    if (!raw.includes('\\')) return raw;
    return raw.replace(/\\(u[0-9A-Fa-f]{4}|\n|[^])/g, (_all, code: string) => {
      if (code === '\n') return '';
      if (code.length === 5) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
      const meant = ESCAPES[code];
      if (meant === undefined) throw new IdlFault(`an escape that does not exist: \\${code}`, offset);
      return meant;
    });
  }
}

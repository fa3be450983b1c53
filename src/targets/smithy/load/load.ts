// Documents → one model: JSON AST and IDL text, one or several, in any mix. Throws only where there is nothing left to
// serve; every lesser fault is kept with the model, by shape.

import { GatewayError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import type { Model, ModelFault } from '../model.ts';
import { readAst, type Draft } from './ast.ts';
import { flatten } from './mixins.ts';
import { preludeShapes } from './prelude.ts';

/** A document of a model, by the name shown in messages. */
export interface ModelFile {
  readonly name: string;
  readonly text: string;
}

/** Turns IDL files into one JSON AST (Smithy 2.0). */
export type ParseIdl = (files: readonly ModelFile[]) => {
  readonly ast: JsonObject;
  readonly faults: readonly ModelFault[];
};

/**
 * @param files as `unpackFiles` gives them
 * @throws GatewayError Validation when a document cannot be read at all, with file and place
 */
export function loadModel(files: readonly ModelFile[], parseIdl: ParseIdl): Model {
  const draft: Draft = { version: '', shapes: new Map(), applied: new Map(), faults: [] };
  const idl: ModelFile[] = [];
  let version = '';
  for (const file of files) {
    if (!isJson(file.text)) {
      idl.push(file);
      continue;
    }
    const ast = parseAst(file);
    version ||= typeof ast['smithy'] === 'string' ? ast['smithy'] : '';
    readAst(ast, draft);
  }
  if (idl.length > 0) {
    const { ast, faults } = parseIdl(idl);
    version ||= typeof ast['smithy'] === 'string' ? ast['smithy'] : '2.0';
    readAst(ast, draft);
    draft.faults.push(...faults);
  }
  const shapes = preludeShapes();
  for (const [id, shape] of flatten(draft)) if (!shapes.has(id)) shapes.set(id, shape);
  return Object.freeze({ version, shapes, faults: draft.faults });
}

/** A JSON object of file names and texts is several documents in one: `{"a.smithy": "…", "b.json": {…}}`. */
export function unpackFiles(files: readonly ModelFile[]): ModelFile[] {
  return files.flatMap((file) => {
    if (!/^\uFEFF?\s*\{\s*"[^"\\]+\.(smithy|json)"\s*:/.test(file.text.slice(0, 1_000))) return [file];
    return Object.entries(parseJson(file)).map(([name, content]) => ({
      name,
      text: typeof content === 'string' ? content : JSON.stringify(content),
    }));
  });
}

function isJson(text: string): boolean {
  return /^\uFEFF?\s*[{[]/.test(text.slice(0, 1_000));
}

function parseAst(file: ModelFile): JsonObject {
  const ast = parseJson(file);
  const version = ast['smithy'];
  if (typeof version !== 'string')
    throw new GatewayError(
      'Validation',
      `${file.name} is no Smithy model: it has no member "smithy" with the version, such as "2.0".`,
    );
  if (!/^[12](\.\d+)?$/.test(version))
    throw new GatewayError(
      'Validation',
      `${file.name} is written in Smithy ${version}; versions 1.0 and 2.0 can be read.`,
    );
  if (!isJsonObject(ast['shapes']))
    throw new GatewayError('Validation', `${file.name} has no shapes: the Smithy model is empty.`);
  return ast;
}

function parseJson({ name, text }: ModelFile): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (thrown) {
    throw new GatewayError('Validation', `${name} cannot be read: ${placeOf(thrown, text)}`, {
      cause: thrown,
    });
  }
  if (!isJsonObject(value))
    throw new GatewayError('Validation', `${name} is no Smithy model: it is not a JSON object.`);
  return value;
}

/** The parser's complaint with line and column, and whether the document was cut off. */
function placeOf(thrown: unknown, text: string): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined)
    return /end of (JSON )?input|Unterminated/i.test(message)
      ? `it ends in the middle, at line ${text.split('\n').length}; it was cut off.`
      : `${message}.`;
  const before = text.slice(0, Number(position)).split('\n');
  const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  return Number(position) >= text.trimEnd().length
    ? `it ends in the middle, at ${place}; it was cut off.`
    : `it is not JSON at ${place}.`;
}

// How the fields of form and multipart bodies are written: the document's Encoding Objects, and which fields are
// files.

import type { BodyKind, ParameterStyle, PropertyEncoding } from '../plan.ts';
import { readCollectionFormat } from './parameter-style.ts';
import { emptyObject, entriesOf, isRaw, listMember, member, type Raw, textMember } from './raw.ts';
import { readType } from './schema-types.ts';
import type { SchemaContext } from './schema.ts';

const STYLES: readonly ParameterStyle[] = ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'];

/** The encodings of a body's properties, by name on the wire. Properties that need none are absent. */
export function readEncoding(
  schema: unknown,
  media: unknown,
  kind: BodyKind,
  context: SchemaContext,
): Record<string, PropertyEncoding> {
  const out = emptyObject() as Record<string, PropertyEncoding>;
  if (kind === 'multipart') collectFiles(schema, '', context, out, 0);
  for (const [name, written] of entriesOf(member(media, 'encoding'))) {
    const style = STYLES.find((each) => each === textMember(written, 'style'));
    const explode = member(written, 'explode');
    const contentType = oneType(textMember(written, 'contentType'));
    out[name] = {
      ...(Object.hasOwn(out, name) ? out[name] : {}),
      ...(contentType === undefined ? {} : { contentType }),
      ...(style === undefined ? {} : { style }),
      ...(typeof explode === 'boolean' ? { explode } : {}),
      ...(member(written, 'allowReserved') === true ? { allowReserved: true } : {}),
    };
  }
  for (const [name, encoding] of Object.entries(out))
    if (Object.keys(encoding).length === 0) delete out[name];
  return out;
}

/** An encoding may list several types, and wildcards; a part has one. */
function oneType(written: string | undefined): string | undefined {
  return written
    ?.split(',')
    .map((type) => type.trim())
    .find((type) => /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;[^\r\n]*)?$/.test(type));
}

function collectFiles(
  schema: unknown,
  base: string,
  context: SchemaContext,
  out: Record<string, PropertyEncoding>,
  depth: number,
): void {
  const found = context.references.follow(schema, base);
  if ('missing' in found || !isRaw(found.node) || depth > 6) return;
  context.work.spend(1);
  for (const [name, property] of entriesOf(member(found.node, 'properties'))) {
    const end = context.references.follow(property, found.base);
    if ('missing' in end) continue;
    if (isFile(end.node)) out[name] = { file: true };
    else {
      const items = context.references.follow(member(end.node, 'items'), end.base);
      if (!('missing' in items) && isFile(items.node)) out[name] = { files: true };
    }
  }
  for (const keyword of ['allOf', 'anyOf', 'oneOf'])
    for (const part of listMember(found.node, keyword))
      collectFiles(part, found.base, context, out, depth + 1);
}

/** True for the ways in which editions say "bytes": `type: file`, `format: binary`, a content media type. */
export function isFile(schema: unknown): boolean {
  const reading = readType(member(schema, 'type'));
  if (reading.bytes === true) return true;
  if (reading.types.length > 0 && !reading.types.includes('string')) return false;
  const format = textMember(schema, 'format')?.toLowerCase();
  if (format === 'binary' || format === 'file') return true;
  const mediaType = textMember(schema, 'contentMediaType');
  return mediaType !== undefined && !/json|text\//.test(mediaType);
}

/** The encoding of a Swagger 2.0 form field. */
export function fieldEncoding(field: Raw, multipart: boolean): PropertyEncoding | undefined {
  if (isFile(field)) return { file: true };
  if (!readType(member(field, 'type')).types.includes('array')) return undefined;
  if (multipart && isFile(member(field, 'items'))) return { files: true };
  const { style, explode } = readCollectionFormat(field, 'query');
  return { style, explode };
}

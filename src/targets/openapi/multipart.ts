// Bodies of multipart/form-data (RFC 7578) and, in their plain form, other multipart types (RFC 2046 §5.1).
// Names and file names are escaped as browsers do (WHATWG HTML "multipart/form-data"), so no value can end a header.

import { randomUUID } from 'node:crypto';

import { isJsonObject, type JsonValue } from '../../core/json.ts';
import { isMediaType, parseFile, type FileArgument } from './file-argument.ts';
import type { ParameterStyle, PropertyEncoding } from './plan.ts';
import { definedMembers, scalarText } from './serialise.ts';

/** One property of the body, with the argument it comes from for messages. */
export interface MultipartProperty {
  readonly argument: string;
  readonly name: string;
  readonly value: JsonValue;
}

export interface MultipartBody {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** Writes the properties as one multipart body. @throws GatewayError Validation where a file cannot be read. */
export function encodeMultipart(
  contentType: string,
  properties: readonly MultipartProperty[],
  encoding: Readonly<Record<string, PropertyEncoding>>,
  boundary: string = `gatewright-${randomUUID()}`,
): MultipartBody {
  const isForm = /^\s*multipart\/form-data/i.test(contentType);
  const chunks: Buffer[] = [];
  for (const property of properties) {
    if (property.value === null) continue;
    const how = Object.hasOwn(encoding, property.name) ? encoding[property.name] : undefined;
    for (const part of partsOf(property, how ?? {})) {
      const head = [`--${boundary}`, ...fieldsOf(part.name ?? property.name, part, isForm), '', ''].join(
        '\r\n',
      );
      chunks.push(Buffer.from(head, 'utf8'), part.bytes, Buffer.from('\r\n'));
    }
  }
  chunks.push(Buffer.from(`--${boundary}--\r\n`));
  const bare = contentType.replaceAll(/;\s*boundary=[^;]*/gi, '').trim();
  return { contentType: `${bare}; boundary=${boundary}`, bytes: Buffer.concat(chunks) };
}

interface Part extends FileArgument {
  /** Where it is not the property's own name. */
  readonly name?: string;
  readonly isFile: boolean;
}

function partsOf({ argument, name, value }: MultipartProperty, encoding: PropertyEncoding): Part[] {
  const declared = concreteMediaType(encoding.contentType);
  const file = (item: JsonValue, where: string): Part => {
    const parsed = parseFile(where, item);
    return {
      ...parsed,
      filename: parsed.filename ?? name,
      contentType: parsed.contentType ?? declared ?? 'application/octet-stream',
      isFile: true,
    };
  };
  if (encoding.files === true && Array.isArray(value))
    return value.map((item: JsonValue, at) => file(item, `${argument}[${at}]`));
  if (encoding.file === true || encoding.files === true) return [file(value, argument)];
  const styled = styledParts(name, value, encoding);
  if (styled !== undefined) return styled;
  const items: readonly JsonValue[] = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  return items
    .filter((item) => item !== null)
    .map((item) => {
      const isStructured = isJsonObject(item) || Array.isArray(item);
      const type = declared ?? (isStructured ? 'application/json' : undefined);
      return {
        bytes: Buffer.from(scalarText(item).toWellFormed(), 'utf8'),
        ...(type === undefined ? {} : { contentType: type }),
        isFile: false,
      };
    });
}

const DELIMITERS: Partial<Readonly<Record<ParameterStyle, string>>> = {
  spaceDelimited: ' ',
  pipeDelimited: '|',
  tabDelimited: '\t',
};

// OAS 3.1 Encoding Object: styles count in form-data as well, without percent-encoding.
function styledParts(
  name: string,
  value: JsonValue,
  { style, explode }: PropertyEncoding,
): Part[] | undefined {
  const part = (text: string, own = name): Part => ({
    name: own,
    bytes: Buffer.from(text, 'utf8'),
    isFile: false,
  });
  const isStyled = style !== undefined || explode !== undefined;
  if (style === 'deepObject' && isJsonObject(value))
    return definedMembers(value).map(([key, member]) => part(scalarText(member), `${name}[${key}]`));
  if (!isStyled || style === 'deepObject' || typeof value !== 'object' || value === null) return undefined;
  const isExploded = explode ?? (style === undefined || style === 'form');
  const delimiter = (style === undefined ? undefined : DELIMITERS[style]) ?? ',';
  if (Array.isArray(value))
    return isExploded ? undefined : [part(value.map((item: JsonValue) => scalarText(item)).join(delimiter))];
  const members = definedMembers(value).map(([key, member]) => [key, scalarText(member)] as const);
  return isExploded ? members.map(([key, text]) => part(text, key)) : [part(members.flat().join(delimiter))];
}

function fieldsOf(name: string, part: Part, isForm: boolean): string[] {
  const fields: string[] = [];
  const filename = part.isFile ? `; filename="${quote(part.filename ?? name)}"` : '';
  if (isForm) fields.push(`Content-Disposition: form-data; name="${quote(name)}"${filename}`);
  if (part.contentType !== undefined) fields.push(`Content-Type: ${part.contentType}`);
  return fields;
}

function quote(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('"', '%22')
    .replaceAll(/\p{Cc}/gu, (control) => encodeURIComponent(control));
}

// An Encoding Object may list several types or wildcards; only a concrete one can be written.
function concreteMediaType(contentType: string | undefined): string | undefined {
  return contentType
    ?.split(',')
    .map((type) => type.trim())
    .find((type) => !type.includes('*') && isMediaType(type));
}

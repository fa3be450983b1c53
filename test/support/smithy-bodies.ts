// Bodies of HTTP messages in a form that can be compared as Smithy's protocol tests ask: JSON, CBOR and XML by what they
// say, forms by their pairs, all else byte by byte.

import { cbor } from '@smithy/core/cbor';
import { parseLossless } from '../../src/lib/lossless-json.ts';

/** What a body says. */
export function readBody(body: Uint8Array, mediaType: string | undefined): unknown {
  const text = Buffer.from(body).toString('utf8');
  switch (mediaType) {
    case 'application/json':
      return body.length === 0 ? '(empty)' : normal(parseLossless(text));
    case 'application/cbor':
      return body.length === 0 ? '(empty)' : normal(cbor.deserialize(new Uint8Array(body)));
    case 'application/xml':
      return readXml(text);
    case 'application/x-www-form-urlencoded':
      return text
        .replaceAll(/\s+/g, '')
        .split('&')
        .filter((pair) => pair !== '')
        .sort();
    default:
      return text;
  }
}

function normal(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (typeof value === 'bigint') return `integer ${value}`;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? `integer ${value}` : `number ${value}`;
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, normal(item)]));
}

interface XmlElement {
  readonly name: string;
  readonly attributes: readonly string[];
  readonly children: readonly (XmlElement | string)[];
}

/** Elements with their attributes in order of name, and children in order of name; those of one name keep theirs. */
function readXml(text: string): unknown {
  const tokens = text.replaceAll(/<\?[\s\S]*?\?>/g, '').match(/<[^>]+>|[^<]+/g) ?? [];
  let at = 0;
  const readElement = (): XmlElement => {
    const tag = tokens[at] ?? '';
    at += 1;
    const [, name = '', rest = '', slash = ''] = /^<([^\s/>]+)([\s\S]*?)(\/?)>$/.exec(tag) ?? [];
    const attributes = (rest.match(/[^\s=]+="[^"]*"/g) ?? []).sort();
    const children: (XmlElement | string)[] = [];
    if (slash === '') {
      while (at < tokens.length && !(tokens[at] ?? '').startsWith('</')) {
        const token = tokens[at] ?? '';
        if (token.startsWith('<')) children.push(readElement());
        else {
          children.push(token);
          at += 1;
        }
      }
      at += 1;
    }
    const hasElements = children.some((child) => typeof child !== 'string');
    const kept = hasElements
      ? children.filter((child) => typeof child !== 'string' || child.trim() !== '')
      : children;
    const sorted = kept
      .map((child, index) => ({ child, index }))
      .sort((one, other) => compare(nameOf(one.child), nameOf(other.child)) || one.index - other.index)
      .map(({ child }) => child);
    return { name, attributes, children: sorted };
  };
  while (at < tokens.length && (tokens[at] ?? '').trim() === '') at += 1;
  return at < tokens.length ? readElement() : '(empty)';
}

const nameOf = (child: XmlElement | string): string => (typeof child === 'string' ? '' : child.name);
const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

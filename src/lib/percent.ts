// Percent-encoding of argument values for URLs and form bodies (RFC 3986 §2, RFC 6570 §3.2.1 and §3.2.3).
// Knows characters only; what a value may be is judged where it is built in.

/** Where encoded text will stand: it decides which reserved characters `allowReserved` may leave alone. */
export type PercentContext = 'path' | 'query' | 'form' | 'cookie';

// Reserved characters that cannot change the structure around them. `?`, `#` and `/` would end a path segment;
// `&`, `+`, `#`, `[` and `]` have a meaning in a query (OAS 3.2 "Percent-Encoding"), `;` and `,` in a cookie.
const KEPT: Readonly<Record<PercentContext, ReadonlySet<string>>> = {
  path: new Set(":@!$&()*+,;='"),
  query: new Set(':/?@!$()*,;='),
  form: new Set(':/?@!$()*,;='),
  cookie: new Set(':/?#[]@!$&()*+='),
};

const UNRESERVED = /^[A-Za-z0-9\-._~]*$/;

/** Encodes everything but unreserved characters. The text must be well-formed Unicode. */
export function encodeStrict(text: string): string {
  if (UNRESERVED.test(text)) return text;
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, hexOf);
}

/** Reserved expansion: reserved characters that are harmless here, and existing `%XX` triples, stay as they are. */
export function encodeReserved(text: string, context: PercentContext): string {
  const kept = KEPT[context];
  let encoded = '';
  for (const [part] of text.matchAll(/%[0-9A-Fa-f]{2}|[\s\S]/gu))
    encoded += part.length === 3 && part.startsWith('%') ? part : kept.has(part) ? part : encodeStrict(part);
  return encoded;
}

/** Encodes what must not stand in the literal parts of a path template; triples and sub-delimiters stay. */
export function encodeLiteral(text: string): string {
  return text.replaceAll(/%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~:@!$&'()*+,;=/%]/gu, (found) =>
    found === '%' ? '%25' : encodeStrict(found.toWellFormed()),
  );
}

function hexOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

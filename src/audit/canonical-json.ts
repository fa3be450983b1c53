// JSON in its one canonical spelling (JSON Canonicalization Scheme, RFC 8785): members sorted by UTF-16 code units, no
// white space. Integers beyond 2^53 keep their digits, as everywhere in the house; the RFC has none.

/** The canonical text. Members that are undefined are left out, and so are lone surrogates, which no UTF-8 can hold. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = value as Readonly<Record<string, unknown>>;
  let text = '';
  for (const name of sortedNames(members)) {
    const member = members[name];
    if (member !== undefined) text += `${text === '' ? '' : ','}${quote(name)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

/** Nothing in it is to be escaped. */
const PLAIN = /^[\w .:/-]*$/;

/** The canonical text of a string. */
export function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text.isWellFormed() ? text : text.toWellFormed());
}

/** Mostly they are in order already, which is cheaper to see than to make so. */
function sortedNames(members: object): readonly string[] {
  const names = Object.keys(members);
  for (let at = 1; at < names.length; at += 1)
    if ((names[at - 1] ?? '') > (names[at] ?? ''))
      return names.sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
  return names;
}

// HTML in descriptions → plain text: models read text, and markup costs them tokens. Only the tags that API
// descriptions are written with are touched; `List<String>` and `<your-key>` stay what they are. Linear in the text.

const TAG = /<(\/?)([a-zA-Z][a-zA-Z0-9]{0,15})(?:\s[^<>]*)?\/?>/g;
const ENTITY = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/g;

/** What a tag becomes: [opening, closing]. Tags that are not here are no markup. */
const TAGS: Readonly<Record<string, readonly [string, string] | undefined>> = Object.freeze({
  ...Object.fromEntries(
    [
      'a',
      'b',
      'i',
      'u',
      'em',
      'strong',
      'span',
      'small',
      'sub',
      'sup',
      'font',
      'note',
      'important',
      'tbody',
      'thead',
      'html',
      'body',
      'fullname',
    ].map((tag) => [tag, ['', '']]),
  ),
  ...Object.fromEntries(
    ['p', 'div', 'ul', 'ol', 'dl', 'table', 'blockquote', 'section', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map(
      (tag) => [tag, ['\n\n', '\n\n']],
    ),
  ),
  ...Object.fromEntries(['tr', 'dt'].map((tag) => [tag, ['\n', '']])),
  ...Object.fromEntries(['td', 'th'].map((tag) => [tag, ['', ' ']])),
  br: ['\n', '\n'],
  hr: ['\n\n', ''],
  li: ['\n- ', ''],
  dd: ['\n  ', ''],
  code: ['`', '`'],
  tt: ['`', '`'],
  pre: ['\n', '\n'],
});

const ENTITIES: Readonly<Record<string, string | undefined>> = Object.freeze({
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  copy: '©',
  reg: '®',
  trade: '™',
});

/** The text without markup; a text without any comes back as it is. */
export function plainText(text: string): string {
  let isMarkup = false;
  const stripped = text.replace(TAG, (tag, slash: string, name: string) => {
    const lower = name.toLowerCase();
    const forms = Object.hasOwn(TAGS, lower) ? TAGS[lower] : undefined;
    if (!forms) return tag;
    isMarkup = true;
    return forms[slash === '' ? 0 : 1];
  });
  // Without a tag, an ampersand is an ampersand.
  if (!isMarkup) return text;
  return stripped
    .replace(ENTITY, decodeEntity)
    .replaceAll(/[ \t\u00a0]+/g, ' ')
    .replaceAll(/ ?\n ?/g, '\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
}

function decodeEntity(entity: string, decimal?: string, hexadecimal?: string, name?: string): string {
  if (name !== undefined) return (Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined) ?? entity;
  const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal);
  const isCharacter = code > 0x1f && code <= 0x10_ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : entity;
}

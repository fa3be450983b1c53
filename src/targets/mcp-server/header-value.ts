// Text in a header of MCP 2026-07-28 (transports, "Header value encoding"): as it is where it is plain, otherwise as
// base64 between two marks. Knows nothing of which headers there are.

const PLAIN = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;
const ENCODED = /^=\?base64\?.*\?=$/;

/** The value of a header that stands for a text of the body. */
export function encodeHeaderValue(text: string): string {
  if (text === '' || (PLAIN.test(text) && !ENCODED.test(text))) return text;
  return `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}

// Takes a secret out of an answer that echoes it, in whatever spelling: it must not reach the caller that way (T-58).

import type { UpstreamResponse } from './outbound.ts';

/** Shorter keys are not looked for in answers. */
const MIN_CONCEALED = 8;
const CONCEALED = '[secret]';
const SMALL_ANSWER_BYTES = 64 * 1024;

/** One spelling of a key, as bytes and as text of one character a byte. */
export interface EchoForm {
  readonly bytes: Buffer;
  readonly text: string;
}

/** The ways in which an upstream may echo a key: as it is, inside a URL, inside JSON, as base64, in UTF-16. */
export function formsOf(key: string): readonly EchoForm[] {
  if (key.length < MIN_CONCEALED) return [];
  const json = JSON.stringify(key).slice(1, -1);
  const url = encodeURIComponent(key);
  const texts = [
    key,
    url,
    url.replaceAll(/%../g, (triple) => triple.toLowerCase()),
    json,
    // What other writers of JSON escape besides: PHP the slash, Go three characters, .NET these and more.
    json.replaceAll('/', '\\/'),
    json.replaceAll(/[<>&]/g, (char) => unicodeEscape(char).toLowerCase()),
    json.replaceAll(/[<>&+'`]/g, unicodeEscape),
    // Without padding, which not everybody writes.
    Buffer.from(key).toString('base64').replace(/=+$/, ''),
    Buffer.from(key).toString('base64url'),
  ];
  const wide = Buffer.from(key, 'utf16le');
  return [...[...new Set(texts)].map((text) => Buffer.from(text)), wide, Buffer.from(wide).swap16()].map(
    (bytes) => ({ bytes, text: bytes.toString('latin1') }),
  );
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** The answer without any of these forms, in its body and its headers. */
export function concealForms(response: UpstreamResponse, forms: readonly EchoForm[]): UpstreamResponse {
  if (!isEchoed(response, forms)) return response;
  let { body, headers } = response;
  for (const { bytes, text } of forms) {
    if (body.includes(bytes)) body = replaceBytes(body, text);
    headers = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replaceAll(text, CONCEALED)]),
    );
  }
  return { ...response, body, headers };
}

/** The usual answer echoes nothing, and is small: one text to search in costs less than many looks at bytes. */
function isEchoed({ body, headers }: UpstreamResponse, forms: readonly EchoForm[]): boolean {
  if (forms.length === 0) return false;
  let text = body.length > SMALL_ANSWER_BYTES ? '' : body.toString('latin1');
  for (const name in headers) text += `\n${headers[name]}`;
  return forms.some(
    (form) => text.includes(form.text) || (body.length > SMALL_ANSWER_BYTES && body.includes(form.bytes)),
  );
}

function replaceBytes(body: Buffer, text: string): Buffer {
  return Buffer.from(body.toString('latin1').replaceAll(text, CONCEALED), 'latin1');
}

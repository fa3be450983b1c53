// API keys on outbound calls (AgentCore's API_KEY): in a header or a query parameter, with an optional prefix.
// The key comes out of its Secret here, at the last moment, and goes nowhere but onto the request.

import { GatewayError } from '../../core/errors.ts';
import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { CredentialPlacement, OutboundRequest, UpstreamResponse } from '../../core/outbound.ts';
import type { Secret } from '../../lib/secret.ts';
import type { Credential, CredentialServices, CredentialType } from '../credential-type.ts';

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Headers that frame or route the request: a credential placed there would change what the request is. */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'proxy-connection',
]);

/** Shorter keys are not looked for in answers. */
const MIN_CONCEALED = 8;
const CONCEALED = '[secret]';
const SMALL_ANSWER_BYTES = 64 * 1024;

/** One spelling of a key, as bytes and as text of one character a byte. */
interface EchoForm {
  readonly bytes: Buffer;
  readonly text: string;
}

interface ApiKeyConfig {
  readonly providerArn: string;
  readonly location?: 'HEADER' | 'QUERY_PARAMETER';
  readonly name?: string;
  readonly prefix?: string;
}

function parse(provider: JsonObject | undefined): ApiKeyConfig | undefined {
  const config = provider?.['apiKeyCredentialProvider'];
  if (!isJsonObject(config) || typeof config['providerArn'] !== 'string') return undefined;
  const { credentialLocation: location, credentialParameterName: name, credentialPrefix: prefix } = config;
  return {
    providerArn: config['providerArn'],
    ...(location === 'HEADER' || location === 'QUERY_PARAMETER' ? { location } : {}),
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof prefix === 'string' ? { prefix } : {}),
  };
}

function check(provider: JsonObject | undefined): readonly FieldFault[] {
  const config = parse(provider);
  if (!config)
    return [
      { name: 'credentialProvider', message: 'API_KEY needs credentialProvider.apiKeyCredentialProvider' },
    ];
  const faults: FieldFault[] = [];
  const name = 'credentialProvider.apiKeyCredentialProvider.credentialParameterName';
  if (config.location !== 'QUERY_PARAMETER' && config.name !== undefined) {
    if (!HEADER_NAME.test(config.name))
      faults.push({ name, message: 'is not a valid header name (RFC 9110 §5.1)' });
    else if (RESERVED_HEADERS.has(config.name.toLowerCase()))
      faults.push({ name, message: `${config.name} frames the request and cannot carry a credential` });
  }
  if (config.location === 'QUERY_PARAMETER' && config.name === undefined)
    faults.push({ name, message: 'is needed when credentialLocation is QUERY_PARAMETER' });
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (config.prefix !== undefined && /[\u0000-\u001f\u007f]/.test(config.prefix))
    faults.push({
      name: 'credentialProvider.apiKeyCredentialProvider.credentialPrefix',
      message: 'must not hold control characters',
    });
  return faults;
}

/** The configuration's own word on where the key goes; undefined leaves it to the document. */
function placement(provider: JsonObject | undefined): CredentialPlacement | undefined {
  const config = parse(provider);
  if (!config || (config.name === undefined && config.location === undefined)) return undefined;
  return {
    in: config.location === 'QUERY_PARAMETER' ? 'query' : 'header',
    name: config.name ?? 'Authorization',
    ...(config.prefix === undefined ? {} : { prefix: config.prefix }),
  };
}

function prepare(provider: JsonObject | undefined, services: CredentialServices): Credential {
  const config = parse(provider);
  const configured = placement(provider);
  // An answer cannot be searched for a key of a few characters without changing half of it.
  let echo: { readonly secret: Secret; readonly forms: readonly EchoForm[] } | undefined;
  function echoForms(): readonly EchoForm[] {
    if (!config) return [];
    const secret = services.openSecret(config.providerArn);
    echo = echo?.secret === secret ? echo : { secret, forms: formsOf(secret.reveal()) };
    return echo.forms;
  }
  return Object.freeze({
    conceal: (response: UpstreamResponse) => concealForms(response, echoForms()),
    apply(request: OutboundRequest, _ctx: unknown, fromDocument: CredentialPlacement | undefined) {
      if (!config)
        throw new GatewayError('CredentialUnavailable', 'The credential of this target is not configured.');
      const place = configured ?? fromDocument ?? { in: 'header', name: 'Authorization' };
      const prefix = config.prefix ?? place.prefix;
      const key = services.openSecret(config.providerArn).reveal();
      return Promise.resolve(attach(request, place, prefix, key));
    },
  });
}

/** The ways in which an upstream may echo a key: as it is, inside a URL, inside JSON, as base64, in UTF-16. */
function formsOf(key: string): readonly EchoForm[] {
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

function concealForms(response: UpstreamResponse, forms: readonly EchoForm[]): UpstreamResponse {
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

/** A prefix is set apart by exactly one space, whether the configuration wrote that space or not. */
function attach(
  request: OutboundRequest,
  place: CredentialPlacement,
  prefix: string | undefined,
  key: string,
): OutboundRequest {
  const value = prefix === undefined ? key : `${prefix.trimEnd()} ${key}`;
  if (place.in === 'query') {
    const url = new URL(request.url);
    removeQuery(url, place.name);
    url.search += `${url.search === '' ? '?' : '&'}${encodeURIComponent(place.name)}=${encodeURIComponent(value)}`;
    return { ...request, url };
  }
  if (place.in === 'cookie') {
    const others = (request.headers['cookie'] ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .filter((pair) => pair !== '' && pair.split('=', 1)[0]?.trim() !== place.name);
    const cookie = [...others, `${place.name}=${value}`].join('; ');
    return { ...request, headers: { ...request.headers, cookie } };
  }
  const headers: Record<string, string> = {};
  for (const name in request.headers)
    if (name.toLowerCase() !== place.name.toLowerCase()) headers[name] = request.headers[name] ?? '';
  headers[place.name.toLowerCase()] = value;
  return { ...request, headers };
}

/** Takes out pairs of that name only; the spelling of all others stays as it was built. */
function removeQuery(url: URL, name: string): void {
  if (!url.searchParams.has(name)) return;
  const kept = url.search
    .slice(1)
    .split('&')
    .filter((pair) => decodeName(pair) !== name);
  url.search = kept.join('&');
}

function decodeName(pair: string): string {
  return [...new URLSearchParams(pair).keys()][0] ?? '';
}

export const apiKeyCredential = Object.freeze({
  type: 'API_KEY',
  check,
  providerArns: (provider: JsonObject | undefined) => {
    const config = parse(provider);
    return config ? [config.providerArn] : [];
  },
  placement,
  prepare,
} as const) satisfies CredentialType;

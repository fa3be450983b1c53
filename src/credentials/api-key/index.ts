// API keys on outbound calls (AgentCore's API_KEY): in a header or a query parameter, with an optional prefix.
// The key comes out of its Secret here, at the last moment, and goes nowhere but onto the request.

import { GatewayError } from '../../core/errors.ts';
import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { CredentialPlacement, OutboundRequest, UpstreamResponse } from '../../core/outbound.ts';
import type { Secret } from '../../lib/secret.ts';
import { concealForms, formsOf } from '../../core/conceal.ts';
import type { EchoForm } from '../../core/conceal.ts';
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

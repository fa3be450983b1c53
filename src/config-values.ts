// Texts of settings → values. Each parser throws a RangeError that says what is wrong; which setting it was, the table in
// config.ts knows.

import { availableParallelism } from 'node:os';
import { isIP } from 'node:net';
import { parseAddressRange } from './lib/address-range.ts';
import type { AddressRange } from './lib/address-range.ts';
import { Secret } from './lib/secret.ts';
import { parseAllowRule } from './upstream/guard.ts';
import type { AllowRule } from './upstream/guard.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Any text. @throws RangeError that says what is wrong */
export function parseText(text: string): string {
  return text;
}

/** A secret of sensible length. @throws RangeError that says what is wrong */
export function parseSecret(text: string): Secret {
  if (text.length < 16) throw new RangeError('must have at least 16 characters');
  return new Secret(text);
}

/** An access key id. @throws RangeError that says what is wrong */
export function parseAccessKeyId(text: string): string {
  if (!/^\w{16,128}$/.test(text)) throw new RangeError('must be 16 to 128 letters and digits');
  return text;
}

/** A parser for texts of one form. @throws RangeError that says what is wrong */
export function parsePattern(pattern: RegExp, message: string): (text: string) => string {
  return (text) => {
    if (!pattern.test(text)) throw new RangeError(message);
    return text;
  };
}

/** `host:port`; an empty host means all addresses. @throws RangeError that says what is wrong */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2] ?? '';
  if (!match || port > 65_535)
    throw new RangeError('must be host:port, for example 127.0.0.1:8080 or [::1]:8080');
  if (host !== '' && host !== 'localhost' && isIP(host) === 0)
    throw new RangeError('must name an address of this machine, such as 127.0.0.1 or 0.0.0.0');
  return { host: host === '' ? '0.0.0.0' : host, port };
}

/** An http or https URL without query, without a slash at its end. @throws RangeError that says what is wrong */
export function parseBaseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new RangeError('must be an http or https URL');
  const url = new URL(text);
  if (url.search !== '' || url.hash !== '') throw new RangeError('must have no query and no fragment');
  return url.href.replace(/\/+$/, '');
}

/** Egress rules. @throws RangeError that says what is wrong */
export function parseAllowList(text: string): readonly AllowRule[] {
  return splitList(text).map(parseAllowRule);
}

/** Addresses and ranges of proxies. @throws RangeError that says what is wrong */
export function parseProxies(text: string): readonly AddressRange[] {
  return splitList(text).map(parseAddressRange);
}

/** Origins of web pages. @throws RangeError that says what is wrong */
export function parseOrigins(text: string): readonly string[] {
  return splitList(text).map((origin) => {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin.replace(/\/$/, ''))
      throw new RangeError(`“${origin}” is not an origin such as https://app.example.com`);
    return new URL(origin).origin;
  });
}

/** `auto` (as many as this process may use cores), or a number. @throws RangeError that says what is wrong */
export function parseWorkers(text: string): number {
  if (text === 'auto') return availableParallelism();
  if (!/^[1-9]\d?$/.test(text)) throw new RangeError('must be auto, or a number from 1 to 99');
  return Number(text);
}

/** A number of things, 1 to 10,000. @throws RangeError that says what is wrong */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,3}$|^10000$/.test(text)) throw new RangeError('must be a number from 1 to 10000');
  return Number(text);
}

/** Who signs users in at the authorization server of this house: nobody else, or a provider. */
export type AuthorizationServerConfig =
  | { readonly mode: 'local' }
  | {
      readonly mode: 'upstream';
      readonly discoveryUrl: string;
      readonly clientId: string;
      readonly clientSecret?: Secret;
      readonly scopes: string;
    };

/** The settings of the authorization server together; undefined when it is off. Faults are added to the list. */
export function assembleAuthorizationServer(
  values: Readonly<Record<string, unknown>>,
  faults: string[],
): AuthorizationServerConfig | undefined {
  const mode = values['authorization-server'];
  const signIn = ['discovery-url', 'client-id', 'client-secret', 'scopes'].filter(
    (name) => values[`sign-in-${name}`] !== undefined,
  );
  if (mode !== 'upstream') {
    for (const name of signIn)
      faults.push(
        `GATEWRIGHT_SIGN_IN_${name.replace('-', '_').toUpperCase()}: needs GATEWRIGHT_AUTHORIZATION_SERVER=upstream`,
      );
    if (mode === undefined) return undefined;
  }
  const publicUrl = values['public-url'];
  // Codes, passwords and tokens pass here (RFC 6749 §3.1, §3.2).
  if (
    typeof publicUrl === 'string' &&
    !/^https:|^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|$)/.test(publicUrl)
  )
    faults.push('GATEWRIGHT_AUTHORIZATION_SERVER: needs GATEWRIGHT_PUBLIC_URL to be https');
  if (mode === 'local') return { mode };
  const { 'sign-in-discovery-url': discoveryUrl, 'sign-in-client-id': clientId } = values;
  if (typeof discoveryUrl !== 'string' || typeof clientId !== 'string') {
    faults.push(
      'GATEWRIGHT_AUTHORIZATION_SERVER=upstream: needs GATEWRIGHT_SIGN_IN_DISCOVERY_URL and GATEWRIGHT_SIGN_IN_CLIENT_ID',
    );
    return undefined;
  }
  const clientSecret = values['sign-in-client-secret'];
  return {
    mode: 'upstream',
    discoveryUrl,
    clientId,
    ...(clientSecret instanceof Secret ? { clientSecret } : {}),
    scopes: (values['sign-in-scopes'] as string | undefined) ?? 'openid profile email',
  };
}

/** `true` or `false`. @throws RangeError that says what is wrong */
export function parseToggle(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new RangeError('must be true or false');
  return text === 'true';
}

/** A log level. @throws RangeError that says what is wrong */
export function parseLevel(text: string): string {
  if (!['error', 'warn', 'info', 'debug'].includes(text))
    throw new RangeError('must be error, warn, info or debug');
  return text;
}

/** The address of a PostgreSQL database, which may hold a password. @throws RangeError that says what is wrong */
export function parseDatabaseUrl(text: string): Secret {
  if (!/^postgres(ql)?:\/\/[^/]+\/[^/]+$/.test(text) || !URL.canParse(text))
    throw new RangeError('must be of the form postgres://user:password@host:5432/database');
  return new Secret(text);
}

/** The AWS SDKs’ own variables for an endpoint. Faults are added to the list. */
export function readAwsEndpoint(
  service: 'S3' | 'STS' | 'KMS' | 'LAMBDA',
  env: Readonly<Record<string, string | undefined>>,
  faults: string[],
): URL | undefined {
  for (const name of [`AWS_ENDPOINT_URL_${service}`, 'AWS_ENDPOINT_URL']) {
    const text = env[name];
    if (text === undefined || text === '') continue;
    if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
    const fault = `${name}: “${text}” must be an http or https URL`;
    if (!faults.includes(fault)) faults.push(fault);
  }
  return undefined;
}

/**
 * All of the AWS SDKs’ own variables for endpoints of services: `AWS_ENDPOINT_URL_<SERVICE>` by service, and
 * `AWS_ENDPOINT_URL` under the empty name. Faults are added to the list.
 */
export function readAwsEndpoints(
  env: Readonly<Record<string, string | undefined>>,
  faults: string[],
): Readonly<Record<string, URL>> {
  const endpoints: Record<string, URL> = {};
  for (const [name, text] of Object.entries(env)) {
    const service = /^AWS_ENDPOINT_URL(?:_([A-Z0-9_]+))?$/.exec(name);
    if (!service || text === undefined || text === '') continue;
    if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol))
      endpoints[service[1] ?? ''] = new URL(text);
    else {
      const fault = `${name}: “${text}” must be an http or https URL`;
      if (!faults.includes(fault)) faults.push(fault);
    }
  }
  return endpoints;
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

// Texts of settings → values. Each parser throws a RangeError that says what is wrong; which setting it was, the table in
// config.ts knows.

import { isIP } from 'node:net';
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

/** Origins of web pages. @throws RangeError that says what is wrong */
export function parseOrigins(text: string): readonly string[] {
  return splitList(text).map((origin) => {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin.replace(/\/$/, ''))
      throw new RangeError(`“${origin}” is not an origin such as https://app.example.com`);
    return new URL(origin).origin;
  });
}

/** A number of processes. @throws RangeError that says what is wrong */
export function parseWorkers(text: string): number {
  if (text !== '1') throw new RangeError('more than one process is not available in this version; use 1');
  return 1;
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

/** A parser for what this version does not have. @throws RangeError that says what is wrong */
export function unavailable(what: string): (text: string) => never {
  return () => {
    throw new RangeError(`${what} is not available in this version; leave it unset`);
  };
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

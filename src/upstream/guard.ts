// The egress rules: which addresses the gateway may open a connection to. Three checks, because each alone can
// be got round: the name or literal before anything is done, every address it resolves to, and the address
// the socket really reached (a literal address is never looked up; a name may answer differently twice).

import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { GatewayError } from '../core/errors.ts';
import { createNames } from './names.ts';
import type { FindAddresses } from './names.ts';

/** One entry of GATEWRIGHT_EGRESS_ALLOW. */
export type AllowRule =
  | { readonly kind: 'host'; readonly host: string; readonly port?: number }
  | { readonly kind: 'range'; readonly range: [ipaddr.IPv4 | ipaddr.IPv6, number]; readonly port?: number };

/** Public by its range, but answers with cloud credentials: Azure's wire server. */
const NEVER_PUBLIC: ReadonlySet<string> = new Set(['168.63.129.16']);

export interface EgressGuard {
  /** @throws GatewayError UpstreamBlocked when scheme, credentials in the URL or a literal address forbid it. */
  checkUrl(url: URL): void;
  /** A `lookup` for net/tls that fails when any address of the name is forbidden. */
  lookupFor(url: URL): LookupFunction;
  /** @throws GatewayError UpstreamBlocked when the address a socket reached is forbidden. */
  checkConnected(url: URL, address: string | undefined): void;
}

/**
 * Reads one allow-list entry: `host`, `host:port`, `CIDR`, `CIDR:port`; IPv6 with a port in brackets.
 * @throws RangeError that says what is wrong with it.
 */
export function parseAllowRule(entry: string): AllowRule {
  const text = entry.trim().toLowerCase();
  const bracketed = /^\[([^\]]+)\](\/\d+)?(?::(\d+))?$/.exec(text);
  const colons = text.split(':').length - 1;
  const plain = colons > 1 ? { target: text } : splitPort(text);
  const target = bracketed ? `${bracketed[1]}${bracketed[2] ?? ''}` : plain.target;
  const portText = bracketed ? bracketed[3] : plain.port;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && !(port >= 1 && port <= 65_535))
    throw new RangeError(`“${entry}” has no valid port`);
  const withPort = port === undefined ? {} : { port };
  if (target.includes('/')) {
    if (!ipaddr.isValidCIDR(target))
      throw new RangeError(`“${entry}” is not an address range such as 10.0.0.0/8`);
    return { kind: 'range', range: ipaddr.parseCIDR(target), ...withPort };
  }
  if (isIP(target) !== 0) {
    const address = ipaddr.parse(target);
    return { kind: 'range', range: [address, address.kind() === 'ipv4' ? 32 : 128], ...withPort };
  }
  if (!/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?$/.test(target))
    throw new RangeError(`“${entry}” is not a host name, an address or a range`);
  return { kind: 'host', host: target, ...withPort };
}

/** The rule that lets an operator reach what they named themselves: exactly this URL's host and port. */
export function ruleForUrl(url: URL): AllowRule {
  return parseAllowRule(`${url.hostname}:${portOf(url)}`);
}

/**
 * The rules in force for one process. `rules` is read at each check, so entries may be added while starting.
 * @param find how names are found
 */
export function createEgressGuard(
  rules: readonly AllowRule[],
  find: FindAddresses = createNames(),
): EgressGuard {
  const allowedByName = (url: URL): boolean =>
    rules.some(
      (rule) =>
        rule.kind === 'host' &&
        sameHost(rule.host, url.hostname) &&
        (rule.port === undefined || rule.port === portOf(url)),
    );
  const allowedByRange = (address: ipaddr.IPv4 | ipaddr.IPv6, port: number): boolean =>
    rules.some((rule) => {
      if (rule.kind !== 'range' || (rule.port !== undefined && rule.port !== port)) return false;
      const [network, bits] = rule.range;
      return network.kind() === address.kind() && address.match(network, bits);
    });
  const mayReach = (url: URL, address: string): boolean => {
    if (!ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    if (allowedByRange(parsed, portOf(url))) return true;
    return url.protocol === 'https:' && isPublic(parsed);
  };

  return Object.freeze({
    checkUrl(url: URL): void {
      if (url.protocol !== 'https:' && url.protocol !== 'http:')
        throw blocked(url, `the scheme ${url.protocol} is not http or https`);
      if (url.username !== '' || url.password !== '')
        throw blocked(url, 'a user name or password stands in the URL');
      if (allowedByName(url)) return;
      const literal = literalAddress(url);
      if (literal !== undefined && !mayReach(url, literal)) throw blocked(url, reasonFor(url));
      // A plain http name is allowed only through its addresses; with no range at all it cannot be.
      if (literal === undefined && url.protocol === 'http:' && !rules.some((rule) => rule.kind === 'range'))
        throw blocked(url, reasonFor(url));
    },
    lookupFor(url: URL): LookupFunction {
      return (hostname, options, callback) => {
        const give = (all: readonly LookupAddress[]): void => {
          if (!allowedByName(url) && all.some(({ address }) => !mayReach(url, address))) {
            callback(blocked(url, reasonFor(url)), '');
            return;
          }
          const wanted = all.filter(({ family }) => !options.family || family === familyOf(options.family));
          const [first] = wanted;
          if (!first)
            callback(Object.assign(new Error(`no address for ${hostname}`), { code: 'ENOTFOUND' }), '');
          else if (options.all === true) callback(null, [...wanted]);
          else callback(null, first.address, first.family);
        };
        const fail = (thrown: Error): void => callback(thrown, '');
        void find(hostname).then(give, fail);
      };
    },
    checkConnected(url: URL, address: string | undefined): void {
      if (allowedByName(url)) return;
      if (address === undefined || !mayReach(url, address)) throw blocked(url, reasonFor(url));
    },
  });
}

/** As node:dns takes it: a number, or `IPv4` and `IPv6`. */
const familyOf = (family: number | 'IPv4' | 'IPv6'): number =>
  typeof family === 'number' ? family : Number(family.slice(-1));

/** Global unicast only; for IPv6 that is 2000::/3 (RFC 4291 §2.4), which leaves out IPv4-compatible addresses. */
function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast' || NEVER_PUBLIC.has(address.toString())) return false;
  return address.kind() === 'ipv4' || address.match(ipaddr.parseCIDR('2000::/3'));
}

function reasonFor(url: URL): string {
  return url.protocol === 'http:'
    ? 'plain http is only for addresses that the operator allows'
    : 'its address is not a public one';
}

function blocked(url: URL, reason: string): GatewayError {
  return new GatewayError(
    'UpstreamBlocked',
    `Calls to ${url.host} are not allowed: ${reason}. The operator can allow it with GATEWRIGHT_EGRESS_ALLOW=${url.hostname}:${portOf(url)}`,
  );
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function literalAddress(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? undefined : host;
}

function sameHost(left: string, right: string): boolean {
  return left.replace(/\.$/, '') === right.toLowerCase().replace(/\.$/, '');
}

function splitPort(text: string): { target: string; port?: string } {
  const match = /^(.*):(\d+)$/.exec(text);
  return match?.[1] !== undefined && match[2] !== undefined
    ? { target: match[1], port: match[2] }
    : { target: text };
}

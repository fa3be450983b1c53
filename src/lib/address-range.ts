// Addresses of the internet protocol and ranges of them (RFC 4632, RFC 4291), in one spelling: an IPv4 address that comes
// in an IPv6 one (::ffff:10.0.0.1) is the IPv4 address.

import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

export interface AddressRange {
  readonly network: Address;
  readonly bits: number;
}

/** Reads `10.0.0.0/8`, `2001:db8::/32`, or one address. @throws RangeError that says what is wrong */
export function parseAddressRange(text: string): AddressRange {
  const [address = '', bits, ...rest] = text.trim().split('/');
  const network = read(address);
  if (!network || rest.length > 0) throw new RangeError(`“${text}” is not a range such as 10.0.0.0/8`);
  const longest = network.kind() === 'ipv4' ? 32 : 128;
  const isMapped = network.kind() === 'ipv4' && address.includes(':');
  const length = bits === undefined ? longest : Number(bits) - (isMapped ? 96 : 0);
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && length >= 0 && length <= longest))
    throw new RangeError(`“${text}” has no valid length: 0 to ${longest}`);
  return Object.freeze({ network, bits: length });
}

/** Whether an address lies in one of the ranges; false for what is no address. */
export function isWithin(ranges: readonly AddressRange[], address: string): boolean {
  const parsed = read(address);
  return (
    parsed !== undefined &&
    ranges.some(({ network, bits }) => network.kind() === parsed.kind() && parsed.match(network, bits))
  );
}

/** The one spelling of an address, without zone; undefined for what is none. */
export function plainAddress(text: string): string | undefined {
  return read(text)?.toString();
}

function read(text: string): Address | undefined {
  const bare = text.split('%', 1)[0] ?? '';
  // Old spellings of IPv4 (octal, fewer parts) mean different things to different readers.
  const isIpv4 = ipaddr.IPv4.isValidFourPartDecimal(bare);
  if (!isIpv4 && !(bare.includes(':') && ipaddr.IPv6.isValid(bare))) return undefined;
  return ipaddr.process(bare);
}

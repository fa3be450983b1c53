import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isWithin, parseAddressRange, plainAddress } from '../lib/address-range.ts';
import { createClientAddress } from './client-address.ts';

const ask = (trusted: readonly string[], peer: string | undefined, ...forwarded: string[]) =>
  createClientAddress(trusted.map(parseAddressRange))({
    socket: { remoteAddress: peer },
    headersDistinct: forwarded.length === 0 ? {} : { 'x-forwarded-for': forwarded },
  } as never as IncomingMessage);

describe('the address of a client', () => {
  const proxies = ['10.0.0.0/8', 'fd00::/8'];
  it.each([
    // Nobody is trusted: whatever is forwarded, the peer it is.
    [[], '203.0.113.7', ['198.51.100.1'], '203.0.113.7'],
    [[], '::ffff:203.0.113.7', [], '203.0.113.7'],
    [[], '2001:DB8:0:0::1', [], '2001:db8::1'],
    [[], undefined, ['198.51.100.1'], undefined],
    // A stranger cannot name another.
    [proxies, '203.0.113.7', ['198.51.100.1'], '203.0.113.7'],
    [proxies, '10.0.0.1', [], '10.0.0.1'],
    [proxies, '10.0.0.1', ['198.51.100.1'], '198.51.100.1'],
    [proxies, '::ffff:10.0.0.1', ['198.51.100.1'], '198.51.100.1'],
    [proxies, 'fd00::1', ['2001:db8::5'], '2001:db8::5'],
    // What the client wrote itself stands left of what the proxy saw.
    [proxies, '10.0.0.1', ['127.0.0.1, 198.51.100.1'], '198.51.100.1'],
    [proxies, '10.0.0.1', ['10.9.9.9, 198.51.100.1'], '198.51.100.1'],
    [proxies, '10.0.0.1', ['1.1.1.1', '198.51.100.1'], '198.51.100.1'],
    // Proxies before proxies.
    [proxies, '10.0.0.1', ['198.51.100.1, 10.0.0.3, 10.0.0.2'], '198.51.100.1'],
    [proxies, '10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    // Ports, brackets, IPv4 in IPv6.
    [proxies, '10.0.0.1', ['198.51.100.1:4711'], '198.51.100.1'],
    [proxies, '10.0.0.1', ['[2001:db8::5]:4711'], '2001:db8::5'],
    [proxies, '10.0.0.1', ['::ffff:198.51.100.1'], '198.51.100.1'],
    // Nonsense ends the reading.
    [proxies, '10.0.0.1', ['198.51.100.1, unknown'], '10.0.0.1'],
    [proxies, '10.0.0.1', ['198.51.100.1, , 10.0.0.2'], '10.0.0.2'],
    [proxies, '10.0.0.1', ['0177.0.0.1'], '10.0.0.1'],
    [proxies, '10.0.0.1', ['1'], '10.0.0.1'],
  ])('trusting %j, peer %s, forwarded %j: %s', (trusted, peer, forwarded, expected) => {
    expect(ask(trusted, peer, ...forwarded)).toBe(expected);
  });

  it('is never one that only the client wrote', () => {
    const address = fc.ipV4();
    fc.assert(
      fc.property(fc.array(fc.oneof(address, fc.ipV6(), fc.string())), address, (written, seen) => {
        fc.pre(!isWithin([parseAddressRange('10.0.0.0/8')], seen));
        expect(ask(proxies, '10.0.0.1', [...written, seen].join(', '))).toBe(plainAddress(seen));
      }),
    );
  });

  it('does not follow proxies without end', () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`).join(',');
    expect(ask(proxies, '10.0.0.1', `198.51.100.1,${many}`)).toMatch(/^10\./);
  });
});

describe('ranges', () => {
  it.each([
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/8/8',
    'proxy.example',
    '10.0.0.0/-1',
    '010.0.0.1',
    '::ffff:10.0.0.0/64',
  ])('%j is none', (text) => expect(() => parseAddressRange(text)).toThrow(RangeError));
  it.each([
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['::/0', '10.0.0.1', false],
    ['0.0.0.0/0', 'fe80::1%eth0', false],
  ])('%s holds %s: %s', (range, address, expected) => {
    expect(isWithin([parseAddressRange(range)], address)).toBe(expected);
  });
});

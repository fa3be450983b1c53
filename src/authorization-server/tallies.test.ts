// Addresses as they are counted, and limits that end.

import { expect, test } from 'vitest';
import { addressKey, createAddressLimit } from './tallies.ts';

test.each([
  [undefined, 'unknown'],
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:aaaa:bbbb:cccc:dddd', '2001:db8:0:0::/64'],
  ['2001:DB8:0001::5%eth0', '2001:db8:1:0::/64'],
])('%s is counted as %s', (address, key) => {
  expect(addressKey(address)).toBe(key);
});

test('so many in a window, for each address', () => {
  let now = 0;
  const may = createAddressLimit({ now: () => now, monotonic: () => now }, 2, 1_000);
  expect([may('a'), may('a'), may('a'), may('b')]).toEqual([true, true, false, true]);
  now = 1_000;
  expect(may('a')).toBe(true);
});

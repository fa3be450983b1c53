import type { LookupAddress } from 'node:dns';
import { expect, it } from 'vitest';
import { createNames } from './names.ts';
import type { NameSources } from './names.ts';

const fault = (code: string): Error => Object.assign(new Error(code), { code });
const V4 = { address: '192.0.2.1', ttl: 10 };
const V6 = { address: '2001:db8::1', ttl: 20 };
const BOTH = [
  { address: V4.address, family: 4 },
  { address: V6.address, family: 6 },
];
const SYSTEM: readonly LookupAddress[] = [{ address: '192.0.2.9', family: 4 }];

/** Names of some sources, and what was asked of them. */
function open(change: Partial<NameSources> = {}) {
  const asked: string[] = [];
  const time = { ms: 0 };
  const sources: NameSources = {
    ask: (_, family) => Promise.resolve(family === 4 ? [V4] : [V6]),
    system: () => Promise.resolve(SYSTEM),
    hosts: () => Promise.resolve('127.0.0.1 localhost\n10.0.0.7 db.internal db # the database\nfe80::1 db\n'),
    now: () => time.ms,
    ...change,
  };
  const find = createNames({
    ...sources,
    ask: (name, family) => {
      asked.push(`${name} ${family}`);
      return sources.ask(name, family);
    },
    system: (name) => {
      asked.push(`system ${name}`);
      return sources.system(name);
    },
  });
  return { find, asked, time };
}

it('asks the name servers for both families, IPv4 first', async () => {
  const { find, asked } = open();
  expect(await find('api.example.com')).toEqual(BOTH);
  expect(asked).toEqual(['api.example.com 4', 'api.example.com 6']);
});

it('believes the hosts file before all others', async () => {
  const { find, asked } = open();
  expect(await find('DB.internal')).toEqual([{ address: '10.0.0.7', family: 4 }]);
  expect((await find('db')).map(({ address }) => address)).toEqual(['10.0.0.7', 'fe80::1']);
  expect(asked).toEqual([]);
});

it.each(['intranet', 'printer.local'])('leaves %s to the system', async (name) => {
  const { find, asked } = open();
  expect(await find(name)).toEqual(SYSTEM);
  expect(asked).toEqual([`system ${name}`]);
});

it.each(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED'])('%s: the system may know more', async (code) => {
  const { find } = open({ ask: () => Promise.reject(fault(code)) });
  expect(await find('service.namespace')).toEqual(SYSTEM);
});

it.each(['ETIMEOUT', 'ESERVFAIL'])('%s: no thread of the system waits for the same', async (code) => {
  const { find, asked } = open({
    ask: (_, family) => Promise.reject(fault(family === 4 ? code : 'ENODATA')),
  });
  await expect(find('api.example.com')).rejects.toMatchObject({ code });
  expect(asked).toHaveLength(2);
});

it('one family is enough, when the other has no record, fails, or is silent', async () => {
  const silent = new Promise<never>(() => undefined);
  for (const other of [Promise.resolve([]), Promise.reject(fault('ESERVFAIL')), silent]) {
    other.catch(() => undefined);
    const { find } = open({ ask: (_, family) => (family === 4 ? Promise.resolve([V4]) : other) });
    expect(await find('api.example.com')).toEqual([BOTH[0]]);
  }
});

it('looks once for all who ask at the same time', async () => {
  const { find, asked } = open();
  await Promise.all(Array.from({ length: 100 }, () => find('api.example.com')));
  expect(asked).toHaveLength(2);
});

it('believes an answer for as long as it says, and no fault at all', async () => {
  let isThere = true;
  const { find, asked, time } = open({
    ask: () => (isThere ? Promise.resolve([V4]) : Promise.reject(fault('ETIMEOUT'))),
  });
  await find('api.example.com');
  time.ms = 9_000;
  isThere = false;
  await find('api.example.com.');
  expect(asked).toHaveLength(2);
  time.ms = 11_000;
  await expect(find('api.example.com')).rejects.toMatchObject({ code: 'ETIMEOUT' });
  isThere = true;
  expect(await find('api.example.com')).toHaveLength(2);
});

it('a long life is cut short, and none means none', async () => {
  for (const [ttl, ms] of [
    [86_400, 31_000],
    [0, 1],
  ] as const) {
    const { find, asked, time } = open({ ask: () => Promise.resolve([{ ...V4, ttl }]) });
    await find('api.example.com');
    time.ms = ms;
    await find('api.example.com');
    expect(asked).toHaveLength(4);
  }
});

it('takes this machine as it is: its own name', async () => {
  expect((await createNames()('localhost')).map(({ address }) => address)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^(127\.0\.0\.1|::1)$/)]),
  );
});

// Host names → addresses. Asked of the name servers directly, because the system's own function holds a thread for as long as a
// dead server says nothing: two names without an answer, and no other name is found any more. The system is asked where only it
// knows: the hosts file is read here, but search domains, names of one word and of the local network are its matter.

import { Resolver, lookup } from 'node:dns';
import type { LookupAddress, RecordWithTtl } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';

/** All addresses of a name, at least one. @throws the error of `node:dns` */
export type FindAddresses = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface NameSources {
  /** Asks the name servers for one family. @throws with `code` as node:dns */
  readonly ask: (hostname: string, family: 4 | 6) => Promise<readonly RecordWithTtl[]>;
  /** Asks the system. */
  readonly system: FindAddresses;
  /** Text of the hosts file; undefined where there is none. */
  readonly hosts: () => Promise<string | undefined>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Between the answers for the two families (RFC 8305 §3), milliseconds. */
const RESOLUTION_DELAY_MS = 50;
/** How long an answer is waited for: a connection is, for 3 s in all. */
const PATIENCE_MS = 2_800;
/** After this the question is asked once more, of the next server if there is one; the first answer to come is taken. */
const ASK_AGAIN_MS = 1_000;
const HOSTS_KEPT_MS = 5_000;
/** Answers are believed for as long as they say, and no longer than this. */
const MAX_KEPT_MS = 30_000;
const NAMES_KEPT = 1_000;
/** Nobody knows such a name there; the system may, by other ways. */
const NOT_THERE: ReadonlySet<unknown> = new Set([
  'ENOTFOUND',
  'ENODATA',
  'ECONNREFUSED',
  'EBADNAME',
  'ENONAME',
]);

/** A way to find addresses. One look at a time for each name. */
export function createNames(sources: NameSources = systemSources()): FindAddresses {
  const { ask, system, now } = sources;
  const kept = new LRUCache<string, { readonly found: readonly LookupAddress[]; readonly until: number }>({
    max: NAMES_KEPT,
  });
  const looking = new Map<string, Promise<readonly LookupAddress[]>>();
  let hosts: { readonly at: number; readonly names: Promise<HostNames> } | undefined;

  function hostNames(): Promise<HostNames> {
    if (!hosts || now() - hosts.at > HOSTS_KEPT_MS)
      hosts = { at: now(), names: sources.hosts().then(parseHosts) };
    return hosts.names;
  }

  async function look(name: string): Promise<readonly LookupAddress[]> {
    const listed = (await hostNames()).get(name);
    if (listed) return listed;
    if (!name.includes('.') || name.endsWith('.local')) return system(name);
    try {
      const { found, ttlS } = await bothFamilies(name);
      kept.set(name, { found, until: now() + Math.min(ttlS * 1_000, MAX_KEPT_MS) });
      return found;
    } catch (thrown) {
      if (!NOT_THERE.has(codeOf(thrown))) throw thrown;
      return system(name);
    }
  }

  /** IPv4 first: those who try one after the other get through where IPv6 leads nowhere. */
  async function bothFamilies(
    name: string,
  ): Promise<{ readonly found: readonly LookupAddress[]; readonly ttlS: number }> {
    const families = ([4, 6] as const).map(async (family) =>
      (await ask(name, family)).map(({ address, ttl }) => ({ address, family, ttl })),
    );
    // When one is there, the other is not waited for long.
    const late = Promise.any(families).then(
      () => sleep(RESOLUTION_DELAY_MS),
      () => undefined,
    );
    const settled = await Promise.all(
      families.map((answer) =>
        Promise.race([answer.catch((thrown: unknown) => ({ thrown })), late.then(() => undefined)]),
      ),
    );
    const records = settled.flatMap((answer) => (Array.isArray(answer) ? answer : []));
    if (records.length > 0)
      return {
        found: records.map(({ address, family }) => ({ address, family })),
        ttlS: Math.min(...records.map(({ ttl }) => ttl)),
      };
    const faults = settled.flatMap((answer) => (answer && 'thrown' in answer ? [answer.thrown] : []));
    // A server that does not answer says more than one that has no such record.
    throw (
      faults.find((thrown) => !NOT_THERE.has(codeOf(thrown))) ??
      Object.assign(new Error(`no address for ${name}`), { code: 'ENOTFOUND' })
    );
  }

  return (hostname) => {
    const name = hostname.toLowerCase().replace(/\.$/, '');
    const known = kept.get(name);
    if (known && known.until > now()) return Promise.resolve(known.found);
    const running = looking.get(name);
    if (running) return running;
    const fresh = look(name).finally(() => looking.delete(name));
    looking.set(name, fresh);
    return fresh;
  };
}

const codeOf = (thrown: unknown): unknown =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;

type HostNames = ReadonlyMap<string, readonly LookupAddress[]>;

/** hosts(5): an address and its names a line. */
function parseHosts(text: string | undefined): HostNames {
  const names = new Map<string, LookupAddress[]>();
  for (const line of (text ?? '').split('\n')) {
    const [address = '', ...those] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const name of those.map((word) => word.toLowerCase())) {
      const known = names.get(name) ?? [];
      if (!known.some((one) => one.address === address)) known.push({ address, family });
      names.set(name, known);
    }
  }
  for (const addresses of names.values()) addresses.sort((one, other) => one.family - other.family);
  return names;
}

/** This machine's. */
function systemSources(): NameSources {
  const askOnce = (hostname: string, family: 4 | 6, isAgain: boolean): Promise<readonly RecordWithTtl[]> =>
    new Promise((resolve, reject) => {
      // A new one each time: it reads the machine's configuration as it is now, and one that has known a server to be quick
      // gives up on it soon. No repeats of its own, which would no longer take the answer to the first question.
      const resolver = new Resolver({ timeout: PATIENCE_MS, tries: 1 });
      const [first, ...others] = resolver.getServers();
      if (isAgain && first !== undefined && others.length > 0) resolver.setServers([...others, first]);
      const end = (error: Error | null, records: RecordWithTtl[]): void => {
        if (error) reject(error);
        else resolve(records);
      };
      if (family === 4) resolver.resolve4(hostname, { ttl: true }, end);
      else resolver.resolve6(hostname, { ttl: true }, end);
    });
  const ask: NameSources['ask'] = async (hostname, family) => {
    const first = askOnce(hostname, family, false);
    const isLate = await Promise.race([
      first.then(
        () => false,
        () => false,
      ),
      sleep(ASK_AGAIN_MS, true, { ref: false }),
    ]);
    return isLate ? Promise.any([first, askOnce(hostname, family, true)]).catch(() => first) : first;
  };
  const system: FindAddresses = (hostname) =>
    new Promise((resolve, reject) => {
      lookup(hostname, { all: true, verbatim: true }, (error, addresses) => {
        if (error) reject(error);
        else resolve(addresses);
      });
    });
  const isWindows = process.platform === 'win32';
  return {
    // Windows has more ways to know names than can be repeated here.
    ask: isWindows
      ? () => Promise.reject(Object.assign(new Error('asked of the system'), { code: 'ENOTFOUND' }))
      : ask,
    system,
    hosts: () =>
      isWindows ? Promise.resolve(undefined) : readFile('/etc/hosts', 'utf8').catch(() => undefined),
    now: () => performance.now(),
  };
}

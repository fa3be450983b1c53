// Which process is at the other end of a loopback connection: for programs that cannot prove themselves, because they are
// none of this house. Asked of the kernel's own tables (/proc); where there are none, nobody can say.

import { readFile, readdir, readlink } from 'node:fs/promises';

/** Both ends of a connection, seen from the side that was called. */
export interface Ends {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/** Whether the caller is of a process group; undefined where that cannot be found out. */
export async function isOfGroup(ends: Ends, group: number): Promise<boolean | undefined> {
  const inode = await inodeOf(ends);
  if (inode === undefined) return undefined;
  for (const pid of await membersOf(group)) if (await holds(pid, `socket:[${inode}]`)) return true;
  return false;
}

async function inodeOf({
  remoteAddress,
  remotePort,
  localAddress,
  localPort,
}: Ends): Promise<string | undefined> {
  const table = await readFile('/proc/net/tcp', 'latin1').catch(() => undefined);
  if (table === undefined) return undefined;
  const caller = entryOf(remoteAddress, remotePort);
  const called = entryOf(localAddress, localPort);
  for (const line of table.split('\n')) {
    const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
    if (local === caller && remote === called) return inode;
  }
  // Already closed: then there is nobody to be served.
  return '';
}

/** As the table writes it: the bytes of the address from the last to the first, the port, in hexadecimal. */
function entryOf(address = '', port = 0): string {
  const hex = (value: number, digits: number): string =>
    value.toString(16).toUpperCase().padStart(digits, '0');
  const bytes = address.split('.').map(Number).toReversed();
  return `${bytes.map((byte) => hex(byte, 2)).join('')}:${hex(port, 4)}`;
}

async function membersOf(group: number): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const groups = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
      // The name may hold anything, so what counts is after its last parenthesis.
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
    }),
  );
  return pids.filter((_pid, index) => groups[index] === group);
}

async function holds(pid: string, socket: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  for (const name of await readdir(folder).catch(() => []))
    if ((await readlink(`${folder}/${name}`).catch(() => '')) === socket) return true;
  return false;
}

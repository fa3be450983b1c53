// A name server on loopback, and the way to start a server that asks it and no other (a mount namespace with a resolv.conf of
// its own, which needs root). How a name fares is told by its first letters: good, dead, slow, none, and flap.

import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closing, temporaryFolder } from '../support/process.ts';
import { CannotRun } from './row.ts';

const ADDRESS = '127.0.0.153';
/** How long an answer about a slow name takes (milliseconds). */
const SLOW_MS = 1_500;
const NO_SUCH_NAME = 3;

export interface StubDns {
  /** Program and leading arguments of a process that uses it. */
  readonly program: readonly [string, ...string[]];
  /** Names that flap: whether they are there. */
  isThere: boolean;
  /** Questions so far, by name. */
  readonly asked: ReadonlyMap<string, number>;
}

/** Opens it; closed with the row. @throws CannotRun without root, or where its port is taken */
export async function openDns(...program: readonly string[]): Promise<StubDns> {
  const asked = new Map<string, number>();
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    const name = nameIn(question);
    asked.set(name, (asked.get(name) ?? 0) + 1);
    const answer = (rcode: number): void => {
      if (isOpen) socket.send(answerTo(question, rcode), from.port, from.address);
    };
    if (name.startsWith('dead')) return;
    if (name.startsWith('slow')) setTimeout(() => answer(0), SLOW_MS);
    else if (name.startsWith('good') || (name.startsWith('flap') && dns.isThere)) answer(0);
    else answer(NO_SUCH_NAME);
  });
  let isOpen = true;
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (thrown) =>
      reject(new CannotRun(`no name server can be opened: ${thrown.message}`)),
    );
    socket.bind(53, ADDRESS, resolve);
  });
  closing.push(() => {
    isOpen = false;
    socket.close();
  });
  const file = join(temporaryFolder(), 'resolv.conf');
  writeFileSync(file, `nameserver ${ADDRESS}\noptions timeout:2 attempts:2\n`);
  const own = ['-m', 'sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', file];
  if (spawnSync('unshare', [...own, 'true'], { stdio: 'ignore' }).status !== 0)
    throw new CannotRun('a name server of its own for a process needs root, and mount namespaces');
  const dns: StubDns = { program: ['unshare', ...own, ...program], isThere: true, asked };
  return dns;
}

/** The name of a question (RFC 1035 §4.1.2). */
function nameIn(question: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; question[at]; at += (question[at] ?? 0) + 1)
    labels.push(question.toString('latin1', at + 1, at + 1 + (question[at] ?? 0)));
  return labels.join('.').toLowerCase();
}

/** 127.0.0.1 for a second, nothing for other types, or that there is no such name. */
function answerTo(question: Buffer, rcode: number): Buffer {
  let end = 12;
  while (question[end]) end += (question[end] ?? 0) + 1;
  const isForAddress = question.readUInt16BE(end + 1) === 1 && rcode === 0;
  const head = Buffer.from(question.subarray(0, end + 5));
  // An answer; recursion is there; no additional records.
  head.writeUInt16BE(0x8180 | rcode, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(isForAddress ? 1 : 0, 6);
  head.writeUInt32BE(0, 8);
  if (!isForAddress) return head;
  return Buffer.concat([head, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1])]);
}

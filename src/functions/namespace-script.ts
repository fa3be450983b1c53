// The shell script that makes a function's own tree of files inside fresh namespaces, then gives up every privilege, and
// only then takes the function's environment; and the list of what it puts there. It uses tools of util-linux; where one
// of them is missing or refused, whoever probes finds that out (sandbox-probe.ts) and nothing is run in half a sandbox,
// because the script ends at its first failure. Each process that it starts costs a cold start a millisecond or more, so
// what can be done at once is.

import { existsSync, lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HostFolders, Program } from './launch.ts';

/** Folders of the system: links stay links. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
/** What programs need of /etc: names, libraries, time zones. Nothing with secrets in it. */
const COPIED = [
  'alternatives',
  'group',
  'hosts',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'nsswitch.conf',
  'passwd',
  'protocols',
  'services',
  'timezone',
].map((name) => `/etc/${name}`);
/** The same where it is larger, or changes while programs run: certificates, the servers of names. */
const SHOWN = [
  'ca-certificates',
  'crypto-policies',
  'pki/ca-trust',
  'pki/tls/certs',
  'resolv.conf',
  'ssl/certs',
  'ssl/openssl.cnf',
].map((name) => `/etc/${name}`);
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom'].map((name) => `/dev/${name}`);
const DEVICE_LINKS = ['fd', 'stdin', 'stdout', 'stderr'].map((name) => `/dev/${name}`);
/** Processes and threads of one function, as AWS Lambda has it. */
const PROCESSES = 1024;
/**
 * What is run once every privilege is given up; not before that is the function's environment read from standard input.
 * It decides which libraries and programs are loaded (`LD_LIBRARY_PATH`, `PATH`), and names folders that the function
 * fills itself: whatever runs with it runs the function's code.
 */
const UNPRIVILEGED = 'set -e; eval "$(cat)"; cd "$LAMBDA_TASK_ROOT"; exec "$@" </dev/null';

/** Where a process without a network finds its Runtime API, and the proxy. */
export const SOCKETS_INSIDE = Object.freeze({ api: '/var/runtime-api.sock', egress: '/var/egress.sock' });

type Shown = readonly [kind: 'read' | 'write', outside: string, inside: string];

/** What of the system there is on this machine; it does not change while a server runs. */
let system:
  | {
      readonly links: readonly string[];
      readonly shown: readonly Shown[];
      readonly copied: readonly string[];
    }
  | undefined;

/** The script for one process; its arguments are the program and what the program is given. */
export function namespaceScript(folders: HostFolders, program: Program, openFiles: number): string {
  const { task, opt, temporary, runtime, sockets } = folders;
  system ??= lookAround();
  const isOwn =
    program.path.startsWith(`${task}/`) || (opt !== undefined && program.path.startsWith(`${opt}/`));
  const shown: readonly Shown[] = [
    ...system.shown,
    ...program.roots.filter((root) => !isOfSystem(root)).map((root): Shown => ['read', root, root]),
    ...(isOwn || program.roots.length > 0 ? [] : [['read', program.path, '/var/lang/bin/node'] as const]),
    ['read', runtime, '/var/runtime'],
    ['read', task, '/var/task'],
    ...(opt === undefined ? [] : [['read', opt, '/opt'] as const]),
    ['write', `${temporary}/files`, '/tmp'],
    ...(sockets === undefined ? [] : [['write', sockets.api, SOCKETS_INSIDE.api] as const]),
    ...(sockets?.egress === undefined ? [] : [['write', sockets.egress, SOCKETS_INSIDE.egress] as const]),
  ];
  const made = shown.map(([, outside, inside]) => (isFolder(outside) ? inside : dirname(inside)));
  const files = shown.filter(([, outside]) => !isFolder(outside)).map(([, , inside]) => `.${inside}`);
  const root = `${temporary}/root`;
  return [
    'set -e',
    'umask 022',
    command('mkdir -p', [root]),
    command('mount -t tmpfs -o size=8m,mode=755,nosuid,nodev none', [root]),
    command('cd', [root]),
    command('mkdir -p', ['proc', '.old', 'opt', 'etc', 'dev', ...new Set(made.map((name) => `.${name}`))]),
    system.links.length === 0 ? '' : `${command('cp -P', system.links)} .`,
    system.copied.length === 0 ? '' : `${command('cp -RP', system.copied)} etc/`,
    `${command('cp -P', DEVICE_LINKS)} dev/`,
    ...files.map((name) => `: > ${quoted(name)}`),
    ...shown.map(showing),
    sockets?.egress === undefined ? '' : 'ip link set lo up',
    'mount -t proc -o nosuid,nodev,noexec proc proc',
    'pivot_root . .old',
    'cd /',
    'umount -l /.old',
    'rmdir /.old',
    'mount -o remount,bind,ro,nosuid,nodev /',
    // Some versions of mount take no notice of what they are told.
    `for each in / /usr /etc /var/task; do
  if [ -w "$each" ]; then echo "$each can be written to" >&2; exit 1; fi
done`,
    'set +e',
    `prlimit --core=0 --nofile=${openFiles}:${openFiles} --nproc=${PROCESSES}:${PROCESSES} setpriv --no-new-privs --inh-caps=-all --bounding-set=-all /bin/sh -c ${quoted(UNPRIVILEGED)} function "$@"`,
    'exit $?',
  ].join('\n');
}

function showing([kind, outside, inside]: Shown): string {
  const place = quoted(`.${inside}`);
  if (kind === 'write') return `mount --rbind ${quoted(outside)} ${place}`;
  // A place that is shown from a mount that allows less may not be made to allow more.
  return `mount --rbind -o ro,nosuid,nodev ${quoted(outside)} ${place} 2>/dev/null || mount -o remount,bind,ro,nosuid,nodev,noexec ${place}`;
}

const command = (name: string, args: readonly string[]): string => `${name} ${args.map(quoted).join(' ')}`;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function lookAround(): NonNullable<typeof system> {
  const there = SYSTEM.filter((path) => existsSync(path));
  const isLink = (path: string): boolean => lstatSync(path).isSymbolicLink();
  return {
    links: there.filter(isLink),
    copied: COPIED.filter((path) => existsSync(path)),
    shown: [
      ...there.filter((path) => !isLink(path)).map((path): Shown => ['read', path, path]),
      ...SHOWN.filter((path) => existsSync(path)).map((path): Shown => ['read', path, path]),
      ...DEVICES.filter((path) => existsSync(path)).map((path): Shown => ['write', path, path]),
    ],
  };
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

function isOfSystem(path: string): boolean {
  return SYSTEM.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

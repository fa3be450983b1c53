// The shell script that makes a function's own tree of files inside fresh namespaces and then gives up every privilege,
// and the list of what it puts there. It uses tools of util-linux; where one of them is missing or refused, whoever probes
// finds that out (sandbox-probe.ts) and nothing is run in half a sandbox, because the script ends at its first failure.

import type { HostFolders, Program } from './launch.ts';

/** Folders of the system: links stay links. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
/** What programs need of /etc: names, certificates, libraries, time zones. Nothing with secrets in it. */
const SETTINGS = [
  'alternatives',
  'ca-certificates',
  'crypto-policies',
  'group',
  'hosts',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'nsswitch.conf',
  'passwd',
  'pki/ca-trust',
  'pki/tls/certs',
  'protocols',
  'resolv.conf',
  'services',
  'ssl/certs',
  'ssl/openssl.cnf',
  'timezone',
].map((name) => `/etc/${name}`);
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom'].map((name) => `/dev/${name}`);
/** Processes and threads of one function, as AWS Lambda has it. */
const PROCESSES = 1024;

/** Where a process without a network finds its Runtime API, and the proxy. */
export const SOCKETS_INSIDE = Object.freeze({ api: '/var/runtime-api.sock', egress: '/var/egress.sock' });

/** Arguments: where to build the tree, the limit of open files, triples of what to put there, `--`, the program. */
export const NAMESPACE_SCRIPT = `
set -e
umask 022
root=$1 files=$2
shift 2
mkdir -p "$root"
mount -t tmpfs -o size=4m,mode=755,nosuid,nodev none "$root"
lock() {
  mount -o "remount,bind,ro,nosuid$2" "$1" 2>/dev/null ||
    mount -o "remount,bind,ro,nosuid,nodev" "$1" 2>/dev/null ||
    mount -o "remount,bind,ro,nosuid,nodev,noexec" "$1"
}
put() {
  if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root\${2%/*}"; : > "$root$2"; fi
  mount --rbind "$1" "$root$2"
}
while [ "$1" != -- ]; do
  if [ -e "$2" ]; then
    case $1 in
      system)
        if [ -L "$2" ]; then ln -s "$(readlink "$2")" "$root$3"; else put "$2" "$3"; lock "$root$3" ,nodev; fi ;;
      read) put "$2" "$3"; lock "$root$3" ,nodev ;;
      write) put "$2" "$3" ;;
    esac
  fi
  shift 3
done
shift
mkdir -p "$root/opt" "$root/proc" "$root/.old"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
[ ! -e "$root/var/egress.sock" ] || ip link set lo up
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
cd "$root"
pivot_root . .old
cd /
umount -l /.old
rmdir /.old
mount -o remount,bind,ro,nosuid,nodev /
eval "$(cat)"
cd "$LAMBDA_TASK_ROOT"
set +e
prlimit --core=0 --nofile="$files:$files" --nproc=${PROCESSES}:${PROCESSES} \\
  setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$@" </dev/null
exit $?
`;

/** Triples of kind, place outside and place inside. */
export function mountsFor(folders: HostFolders, program: Program): readonly string[] {
  const { task, opt, temporary, runtime, sockets } = folders;
  const isOwn =
    program.path.startsWith(`${task}/`) || (opt !== undefined && program.path.startsWith(`${opt}/`));
  const triples: readonly (readonly [kind: string, outside: string, inside: string])[] = [
    ...SYSTEM.map((path) => ['system', path, path] as const),
    ...SETTINGS.map((path) => ['read', path, path] as const),
    ...DEVICES.map((path) => ['write', path, path] as const),
    ...program.roots.filter((root) => !isOfSystem(root)).map((root) => ['read', root, root] as const),
    ...(isOwn || program.roots.length > 0 ? [] : [['read', program.path, '/var/lang/bin/node'] as const]),
    ['read', runtime, '/var/runtime'],
    ['read', task, '/var/task'],
    ...(opt === undefined ? [] : [['read', opt, '/opt'] as const]),
    ['write', `${temporary}/files`, '/tmp'],
    ...(sockets === undefined ? [] : [['write', sockets.api, SOCKETS_INSIDE.api] as const]),
    ...(sockets?.egress === undefined ? [] : [['write', sockets.egress, SOCKETS_INSIDE.egress] as const]),
  ];
  return triples.flat();
}

function isOfSystem(path: string): boolean {
  return SYSTEM.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

// Ends what the gateway has started when the gateway itself is killed and can do nothing any more. A few lines of sh
// in a process of their own hold the numbers of the running process groups; when the pipe to the gateway closes, those
// that are left get SIGTERM, and two seconds later SIGKILL. Numbers are all that it is ever told.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Log } from '../../core/call.ts';

const SCRIPT = `
trap '' HUP INT TERM
groups=
while read -r change group; do
  case $change in
    +) groups="$groups $group" ;;
    -) kept=
       for each in $groups; do [ "$each" = "$group" ] || kept="$kept $each"; done
       groups=$kept ;;
  esac
done
[ -n "$groups" ] || exit 0
for each in $groups; do kill -s TERM -- "-$each"; done
sleep 2
for each in $groups; do kill -s KILL -- "-$each"; done
`;

export interface Warden {
  guard(group: number): void;
  release(group: number): void;
  close(): void;
}

/** A warden whose process starts with the first group to guard. */
export function createWarden(path: string | undefined, log: Log): Warden {
  let child: ChildProcess | undefined;

  function tell(change: '+' | '-', group: number): void {
    child?.stdin?.write(`${change} ${group}\n`);
  }

  function open(): ChildProcess {
    const opened = spawn('/bin/sh', ['-c', SCRIPT], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
      env: { PATH: path ?? '/usr/bin:/bin' },
    });
    opened.once('error', (fault) =>
      log.warn(
        { reason: fault.message },
        'no /bin/sh: programs that were started outlive a gateway that is killed',
      ),
    );
    opened.stdin.on('error', () => undefined);
    // It waits for this process, never this process for it.
    opened.unref();
    if ('unref' in opened.stdin && typeof opened.stdin.unref === 'function') opened.stdin.unref();
    return opened;
  }

  return Object.freeze({
    guard(group: number) {
      child ??= open();
      tell('+', group);
    },
    release: (group: number) => tell('-', group),
    close() {
      child?.stdin?.end();
      child = undefined;
    },
  });
}

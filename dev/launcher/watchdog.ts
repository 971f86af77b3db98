import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Kills the guarded process groups when its standard input ends: the kernel closes that pipe however the process at the
 * other end dies. A shell in a separate session, because it works for any child (Temporal's binary, a database server),
 * unlike a preload or an IPC channel, and Ctrl-C does not reach it.
 */
const WATCHDOG_SCRIPT = `
guarded=""
while read -r op group; do
  left=""
  for g in $guarded; do [ "$g" = "$group" ] || left="$left $g"; done
  guarded="$left"
  [ "$op" = guard ] && guarded="$guarded $group"
done
for g in $guarded; do kill -s KILL -- "-$g"; done
`;

let watchdog: ChildProcess | undefined;

function sendCommand(line: string): void {
  if (!watchdog) {
    watchdog = spawn('/bin/sh', ['-c', WATCHDOG_SCRIPT], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
    });
    // Without the watchdog children still run, only unguarded.
    watchdog.on('error', () => undefined);
    watchdog.stdin!.on('error', () => undefined);
    watchdog.unref();
    (watchdog.stdin as Socket).unref();
  }
  watchdog.stdin!.write(`${line}\n`);
}

/** Makes the process group die with this process. */
export const guardProcessGroup = (processGroup: number): void => sendCommand(`guard ${processGroup}`);

/** Call this when the group's leader has exited: the system may reuse its number. */
export const releaseProcessGroup = (processGroup: number): void => sendCommand(`release ${processGroup}`);

/** Exits when the parent (bootstrap.js) has exited; guarded process groups die with this process. */
export function exitWithParent(): void {
  process.on('disconnect', () => process.exit(1));
}

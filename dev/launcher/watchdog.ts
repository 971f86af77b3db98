import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Kills the guarded process groups when its standard input ends. The kernel closes that pipe when the process that holds
 * the other end dies, in whatever way, so `kill -9` of a supervisor takes its children along. A shell does it because it
 * needs nothing of the child: Temporal's binary and the database server are guarded like our own scripts, which a preload
 * or an IPC channel could not do. It runs in a session of its own, where no Ctrl-C reaches it.
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
    // Without it children run as before, only unguarded: no reason to fall over.
    watchdog.on('error', () => undefined);
    watchdog.stdin!.on('error', () => undefined);
    watchdog.unref();
    (watchdog.stdin as Socket).unref();
  }
  watchdog.stdin!.write(`${line}\n`);
}

/** From now on the process group dies with this process. */
export const guardProcessGroup = (processGroup: number): void => sendCommand(`guard ${processGroup}`);

/** To be called when the group's leader has ended: its number may be given to others. */
export const releaseProcessGroup = (processGroup: number): void => sendCommand(`release ${processGroup}`);

/** Ends this process when the one that started it (bootstrap.js) is gone; what it guards dies with it. */
export function exitWithParent(): void {
  process.on('disconnect', () => process.exit(1));
}

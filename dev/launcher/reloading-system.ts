import type { ProgressReporter } from './progress-reporter';
import type { SourceWatcher } from './source-watcher';
import { type Child, describeExit } from './supervisor';

export interface ReloadOptions {
  /** Runs before each restart, with the changed files. */
  prepare(files: readonly string[]): Promise<void>;
  /** @throws Error when no process can be started, also while everything is being stopped. */
  start(): Child;
  /** @throws Error when the process exits or does not get ready in time. */
  waitUntilReady(child: Child): Promise<void>;
  sources: Pick<SourceWatcher, 'nextChanges'>;
  reporter: ProgressReporter;
  isStopping(): boolean;
}

const STOP_GRACE_MS = 15_000;
const WAITING = 'Waiting for a change of the code.';
const MAX_FILES_SHOWN = 3;

/**
 * Runs the system and restarts it after every change of its code, until everything is stopped. A start that fails is
 * reported, and the next change starts the system again.
 */
export async function runReloading(options: ReloadOptions, onFirstReady: () => void): Promise<void> {
  const { reporter, sources, isStopping } = options;
  let child: Child | undefined;
  let readyChild: Child | undefined;
  let hasBeenReady = false;

  /** @returns false when another change came before the system was ready. */
  const restart = async (files: readonly string[], nextChanges: Promise<unknown>): Promise<boolean> => {
    readyChild = undefined;
    await child?.stop(STOP_GRACE_MS);
    if (files.length > 0) await options.prepare(files);
    const current = options.start();
    child = current;
    const isReady = await Promise.race([
      options.waitUntilReady(current).then(() => true),
      nextChanges.then(() => false),
    ]);
    if (!isReady) return false;
    readyChild = current;
    void current.exited.then(() => {
      if (readyChild === current && !isStopping()) reporter.print(`\n${describeExit(current)}\n${WAITING}`);
    });
    return true;
  };

  let files: readonly string[] = [];
  while (!isStopping()) {
    const nextChanges = sources.nextChanges();
    const label = files.length === 0 ? 'Orders system' : `Restarting (${formatFiles(files)})`;
    try {
      const isReady = await reporter.run(
        label,
        () => restart(files, nextChanges),
        (ready) => (ready ? 'ready' : 'interrupted by another change'),
      );
      if (isReady && !hasBeenReady) onFirstReady();
      hasBeenReady ||= isReady;
    } catch (error) {
      if (isStopping()) return;
      reporter.print(`\n${error instanceof Error ? error.message : String(error)}\n${WAITING}`);
    }
    files = await nextChanges;
  }
}

const formatFiles = (files: readonly string[]): string =>
  files.length <= MAX_FILES_SHOWN
    ? files.join(', ')
    : `${files.slice(0, MAX_FILES_SHOWN).join(', ')} and ${files.length - MAX_FILES_SHOWN} more`;

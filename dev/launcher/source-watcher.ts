import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';

export interface SourceWatcher {
  /** Returns the files changed since the last call, relative to the root, once no more changes follow. */
  nextChanges(): Promise<string[]>;
  close(): void;
}

const SOURCE_FILE = /(?<!\.test|\.d)\.(ts|eta)$/;
/** Saving all files of an editor, or a checkout, is one change. */
const QUIET_MS = 200;

/**
 * Watches the source files below `dirs`. One watcher per directory, not `recursive`: on Linux that follows files, and
 * misses editors that save by renaming a new file over the old one.
 */
export function watchSources(root: string, dirs: readonly string[]): SourceWatcher {
  const watchers = new Map<string, FSWatcher>();
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let deliver: ((files: string[]) => void) | undefined;

  const flush = (): void => {
    if (deliver === undefined || changed.size === 0) return;
    deliver([...changed].toSorted());
    deliver = undefined;
    changed.clear();
  };
  const addChange = (file: string): void => {
    changed.add(file);
    clearTimeout(timer);
    timer = setTimeout(flush, QUIET_MS);
  };
  const unwatch = (dir: string): void => {
    for (const [path, watcher] of watchers) {
      if (path !== dir && !path.startsWith(`${dir}/`)) continue;
      watcher.close();
      watchers.delete(path);
    }
  };
  /** @param isNew reports the files already inside a directory that appeared later. */
  const watchTree = (dir: string, isNew: boolean): void => {
    const watcher = watch(join(root, dir), (_event, name) => {
      if (name === null) return;
      const path = join(dir, name);
      if (SOURCE_FILE.test(name)) addChange(path);
      else if (!isDirectory(join(root, path))) unwatch(path);
      else if (!watchers.has(path)) watchTree(path, true);
    });
    watcher.on('error', () => unwatch(dir));
    watchers.set(dir, watcher);
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) watchTree(path, isNew);
      else if (isNew && SOURCE_FILE.test(entry.name)) addChange(path);
    }
  };
  for (const dir of dirs) watchTree(dir, false);

  return {
    nextChanges: () =>
      new Promise((resolve) => {
        deliver = resolve;
        // A change made while nothing waited for it.
        if (changed.size > 0) timer = setTimeout(flush, QUIET_MS);
      }),
    close() {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compile } from '../../scripts/compile';
import { type ChildSpec, HEAP_FLAG } from '../../scripts/supervise';
import { eventually } from './eventually';
import { sharedServers } from './servers';

const COMPILED_WITHIN_MS = 180_000;

/**
 * The compiled system, made by the first suite of a run that asks for it. It is what production runs, and it is ready in
 * less than half the time that its sources take.
 * @param script compiled, below the root of the project: `scripts/system.js`.
 */
export async function compiledScript(
  script: string,
  ...args: string[]
): Promise<Pick<ChildSpec, 'command' | 'args'>> {
  const dist = await compiledSystem();
  return {
    command: process.execPath,
    args: ['--enable-source-maps', HEAP_FLAG, join(dist, script), ...args],
  };
}

/** @returns the folder. */
async function compiledSystem(): Promise<string> {
  const { distDir } = sharedServers();
  if (existsSync(distDir)) return distDir;
  if (isFirst(join(dirname(distDir), 'lock'))) {
    const draft = join(dirname(distDir), 'draft');
    await compile(draft, 'tests/support/compiled-tsconfig.json');
    renameSync(draft, distDir);
  } else {
    await eventually('the system compiled', async () => existsSync(distDir), COMPILED_WITHIN_MS);
  }
  return distDir;
}

function isFirst(lock: string): boolean {
  mkdirSync(dirname(lock), { recursive: true });
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

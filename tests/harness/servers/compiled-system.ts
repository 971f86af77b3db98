import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compile } from '../../../dev/compile';
import { buildCompiledCommand, type ChildSpec } from '../../../dev/launcher/supervisor';
import { eventually } from '../eventually';
import { getServerConfig } from './server-config';

const COMPILE_TIMEOUT_MS = 180_000;

/**
 * The compiled system, made by the first suite of a run that asks for it. It is what production runs, and it is ready in
 * less than half the time that its sources take.
 * @param script compiled, below the root of the project: `dev/launcher/system.js`.
 */
export const getSystemScript = async (
  script: string,
  ...args: string[]
): Promise<Pick<ChildSpec, 'command' | 'args'>> =>
  buildCompiledCommand(join(await compileSystemOnce(), script), ...args);

/** @returns the folder. */
async function compileSystemOnce(): Promise<string> {
  const { distDir } = getServerConfig();
  const [lock, draft] = ['lock', 'draft'].map((name) => join(dirname(distDir), name)) as [string, string];
  if (existsSync(distDir)) return distDir;
  if (!acquireLock(lock)) {
    const ended = async () => existsSync(distDir) || !existsSync(lock);
    await eventually('the system compiled, or not', ended, COMPILE_TIMEOUT_MS);
    return compileSystemOnce();
  }
  try {
    await compile(draft, 'tests/harness/servers/compiled-tsconfig.json');
    renameSync(draft, distDir);
  } catch (error) {
    // Each of the others is to say so itself, and soon.
    rmSync(lock, { recursive: true });
    throw error;
  }
  return distDir;
}

function acquireLock(lock: string): boolean {
  mkdirSync(dirname(lock), { recursive: true });
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compile } from '../../../dev/compile';
import { buildCompiledCommand, type ChildSpec } from '../../../dev/launcher/supervisor';
import { eventually } from '../eventually';
import { getServerConfig } from './server-config';

const COMPILE_TIMEOUT_MS = 180_000;

/**
 * Command of the compiled system, as in production. The first suite of a run compiles it; compiled code starts in less
 * than half the time of the TypeScript sources.
 * @param script path of the compiled script below the project root: `dev/launcher/system.js`.
 */
export const getSystemScript = async (
  script: string,
  ...args: string[]
): Promise<Pick<ChildSpec, 'command' | 'args'>> =>
  buildCompiledCommand(join(await compileSystemOnce(), script), ...args);

/** @returns the output folder. */
async function compileSystemOnce(): Promise<string> {
  const { distDir } = getServerConfig();
  const [lock, draft] = ['lock', 'draft'].map((name) => join(dirname(distDir), name)) as [string, string];
  if (existsSync(distDir)) return distDir;
  if (!acquireLock(lock)) {
    const isFinished = async () => existsSync(distDir) || !existsSync(lock);
    await eventually('the compilation to finish', isFinished, COMPILE_TIMEOUT_MS);
    return compileSystemOnce();
  }
  try {
    await compile(draft, 'tests/harness/servers/compiled-tsconfig.json');
    renameSync(draft, distDir);
  } catch (error) {
    // The waiting suites then compile themselves and fail with the same error at once.
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

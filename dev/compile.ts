import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { BUNDLE_FILE, bundleWorkflows } from '../workers/bundle';

const ROOT = resolve(__dirname, '..');
/** Files that the compiled code reads at the same relative path. */
const ASSET_DIRS = ['integrations/mail-templates/templates', 'dev/mail-catcher/views'];

/**
 * Builds everything that runs in production: JavaScript, the workflow bundle, templates. Replaces `outDir`.
 * @param project the tsconfig, relative to the root.
 * @throws Error on type errors; the compiler has printed them.
 */
export async function compile(outDir: string, project = 'tsconfig.build.json'): Promise<void> {
  rmSync(outDir, { recursive: true, force: true });
  mkdirSync(outDir, { recursive: true });
  const [bundle] = await Promise.all([
    bundleWorkflows(pino({ level: 'warn' }, pino.destination(2))),
    emitJavaScript(outDir, project),
  ]);
  writeFileSync(join(outDir, BUNDLE_FILE), bundle.code);
  for (const path of ASSET_DIRS) cpSync(join(ROOT, path), join(outDir, path), { recursive: true });
}

function emitJavaScript(outDir: string, project: string): Promise<void> {
  const args = ['-p', join(ROOT, project), '--outDir', outDir];
  const tsc = spawn(join(ROOT, 'node_modules', '.bin', 'tsc'), args, { cwd: ROOT, stdio: 'inherit' });
  return new Promise((settle, reject) => {
    tsc.once('error', reject);
    tsc.once('exit', (code) =>
      code === 0 ? settle() : reject(new Error('The TypeScript code does not compile.')),
    );
  });
}

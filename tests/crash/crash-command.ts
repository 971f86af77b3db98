import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { buildScriptCommand } from '../../dev/launcher/supervisor';
import type { Report } from './run';

export interface CrashCommandResult {
  code: number;
  report: Report;
  stderr: string;
}

const ROOT = resolve(__dirname, '../..');

/** Runs `npm run crash` in a separate process. @param root the project or a copy of it. */
export function runCrashCommand(args: readonly string[], root = ROOT): Promise<CrashCommandResult> {
  const script = buildScriptCommand(join(root, 'tests/crash/main.ts'), ...args);
  return new Promise((resolvePromise, reject) => {
    const child = execFile(script.command, script.args, { cwd: root }, (_, stdout, stderr) => {
      const line = stdout.trimEnd().split('\n').at(-1) ?? '';
      if (!line.startsWith('{')) return reject(new Error(`exit code ${child.exitCode}\n${stderr}`));
      resolvePromise({ code: child.exitCode ?? -1, report: JSON.parse(line) as Report, stderr });
    });
  });
}

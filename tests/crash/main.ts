import { rmSync } from 'node:fs';
import { exitWithParent } from '../../dev/launcher/watchdog';
import { parseOptions } from './options';
import { runCrash } from './run';

const MAX_PRINTED_PROBLEMS = 50;
const log = (text: string) => process.stderr.write(`${text}\n`);

/** Runs the command. @returns the exit code: 0 without a problem, 1 with problems. An error exits with 2. */
async function main(args: string[]): Promise<number> {
  const options = parseOptions(args);
  const { report, problems, dir } = await runCrash(options, log);
  for (const { counter, subject, detail } of problems.slice(0, MAX_PRINTED_PROBLEMS)) {
    log(`${counter}  ${subject}: ${detail}`);
  }
  if (problems.length > MAX_PRINTED_PROBLEMS)
    log(`and ${problems.length - MAX_PRINTED_PROBLEMS} more problems`);
  if (problems.length === 0 && !options.keep) rmSync(dir, { recursive: true, force: true });
  else log(`The logs of all processes are stored in ${dir}.`);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return problems.length === 0 ? 0 : 1;
}

exitWithParent();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    log(error instanceof Error ? error.message : String(error));
    process.exit(2);
  },
);

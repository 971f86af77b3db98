import { rmSync } from 'node:fs';
import { dieWithParent } from '../../dev/launcher/watchdog';
import { readOptions } from './options';
import { runCrash } from './run';

const SHOWN_PROBLEMS = 50;
const say = (text: string) => process.stderr.write(`${text}\n`);

/** Ends with 0 when nothing was lost, doubled, drifted or stuck, with 1 when something was, with 2 when it cannot run. */
async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  const { report, problems, dir } = await runCrash(options, say);
  for (const { counter, subject, detail } of problems.slice(0, SHOWN_PROBLEMS)) {
    say(`${counter}  ${subject}: ${detail}`);
  }
  if (problems.length > SHOWN_PROBLEMS) say(`and ${problems.length - SHOWN_PROBLEMS} more`);
  if (problems.length === 0 && !options.keep) rmSync(dir, { recursive: true, force: true });
  else say(`The logs of all processes are kept in ${dir}.`);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return problems.length === 0 ? 0 : 1;
}

dieWithParent();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    process.exit(2);
  },
);

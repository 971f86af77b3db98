import { loadMigrateConfig } from '../config/migrate';
import { migrate } from './migrate';

/** Runs the migrations as a separate job, under the account that may change tables. */
async function main(): Promise<void> {
  await migrate(loadMigrateConfig(), process.argv.slice(2), (line) => process.stdout.write(`${line}\n`));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

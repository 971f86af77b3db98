import { loadLocalConfig } from '../config/local-config';
import { migrate } from '../runtime/migrate';

/** Migrates the database of `npm start`: `migrate up [--seed]`, `down [--all]`, `pending`. */
async function main(args: string[]): Promise<void> {
  const { databaseUrl } = loadLocalConfig();
  await migrate({ databaseUrl }, args, (line) => process.stdout.write(`${line}\n`));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

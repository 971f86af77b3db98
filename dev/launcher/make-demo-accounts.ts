import { loadStartConfig } from '../../config/start';
import { auditKey } from './data-dir';
import { demoPassword, makeDemoAccounts } from './demo-accounts';
import { localConfig } from './local-config';

/** A process of its own, before the system runs: SQLite serves one. */
async function main(): Promise<void> {
  const start = loadStartConfig();
  await makeDemoAccounts(localConfig(), demoPassword(start.auditKey ?? auditKey(start.dataDir)));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

import { loadStartConfig } from '../../config/start';
import { loadOrCreateAuditKey } from './data-dir';
import { createDemoAccounts, deriveDemoPassword } from './demo-accounts';
import { loadLocalConfig } from './local-config';

/** A process of its own, before the system runs: SQLite serves one. */
async function main(): Promise<void> {
  const start = loadStartConfig();
  await createDemoAccounts(
    loadLocalConfig(),
    deriveDemoPassword(start.auditKey ?? loadOrCreateAuditKey(start.dataDir)),
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

import { loadOrCreateAuditKey } from '../../config/audit-key';
import { loadLocalConfig } from '../../config/local-config';
import { loadStartConfig } from '../../config/start';
import { migrate } from '../../runtime/migrate';
import { createDevelopmentAccounts, deriveDevelopmentPassword } from './development-accounts';

/**
 * Migrates and seeds the database, and creates the development accounts. One process before the system starts, because
 * SQLite serves one process at a time.
 */
async function main(): Promise<void> {
  const start = loadStartConfig();
  const local = loadLocalConfig();
  await migrate(local, ['up', '--seed'], (line) => process.stdout.write(`${line}\n`));
  if (!start.hasDevelopmentAccounts) return;
  const auditKey = start.auditKey ?? loadOrCreateAuditKey(start.dataDir);
  await createDevelopmentAccounts(local, deriveDevelopmentPassword(auditKey));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

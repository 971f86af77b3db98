import { loadOrCreateAuditKey } from '../../config/audit-key';
import { loadLocalConfig } from '../../config/local-config';
import { loadStartConfig } from '../../config/start';
import { createDevelopmentAccounts, deriveDevelopmentPassword } from './development-accounts';

/** Runs as a separate process before the system starts, because SQLite serves one process at a time. */
async function main(): Promise<void> {
  const start = loadStartConfig();
  await createDevelopmentAccounts(
    loadLocalConfig(),
    deriveDevelopmentPassword(start.auditKey ?? loadOrCreateAuditKey(start.dataDir)),
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

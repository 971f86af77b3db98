import { connect } from '../db/core/connect';
import { grantRuntimePrivileges } from '../db/core/grants';
import { createMigrator } from '../db/core/migrate';
import { withNamedLock } from '../db/core/named-lock';
import { seed } from '../db/core/seed';

export interface MigrateOptions {
  databaseUrl: string;
  /** `name@host` of the system's account, when it differs from the migrating account. */
  runningAccount?: string | undefined;
}

/** Covers the change of a large table, and the wait for a concurrent migration. */
const STATEMENT_TIMEOUT_MS = 24 * 3_600_000;

/**
 * Commands: `up [--seed]`, `down [--all]`, `pending`. Concurrent runs wait for each other; the later ones find nothing
 * to do.
 * @throws Error with the usage for an unknown command.
 */
export async function migrate(
  { databaseUrl, runningAccount }: MigrateOptions,
  [command, ...flags]: string[],
  print: (line: string) => void,
): Promise<void> {
  const db = connect({ url: databaseUrl, poolSize: 2, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const migrations = createMigrator(db, print);
  try {
    switch (command) {
      case 'up':
        await withNamedLock(db, 'migrate', async () => {
          await migrations.up();
          if (runningAccount !== undefined) await grantRuntimePrivileges(db, runningAccount);
          if (flags.includes('--seed')) await seed(db, Date.now());
        });
        break;
      case 'down':
        await withNamedLock(db, 'migrate', () => migrations.down(flags.includes('--all')));
        break;
      case 'pending':
        for (const name of await migrations.pending()) print(name);
        break;
      default:
        throw new Error('usage: migrate up [--seed] | down [--all] | pending');
    }
  } finally {
    await db.close();
  }
}

import { connect } from '../db/core/connect';
import { grantRuntimePrivileges } from '../db/core/grants';
import { createMigrator } from '../db/core/migrate';
import { withNamedLock } from '../db/core/named-lock';
import { seed } from '../db/core/seed';

export interface MigrateOptions {
  databaseUrl: string;
  /** `name@host` of the account that the system runs under, when it is another one than this. */
  runningAccount?: string | undefined;
}

/** A change of a large table, and the wait of those whose turn it is not. */
const STATEMENT_TIMEOUT_MS = 24 * 3_600_000;

/**
 * `up [--seed]`, `down [--all]`, `pending`. Of several at once one works and the others find nothing left to do.
 * @throws Error with the usage when the command is another one.
 */
export async function migrate(
  { databaseUrl, runningAccount }: MigrateOptions,
  [command, ...flags]: string[],
  say: (line: string) => void,
): Promise<void> {
  const db = connect({ url: databaseUrl, poolSize: 2, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const migrations = createMigrator(db, say);
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
        for (const name of await migrations.pending()) say(name);
        break;
      default:
        throw new Error('usage: migrate up [--seed] | down [--all] | pending');
    }
  } finally {
    await db.close();
  }
}

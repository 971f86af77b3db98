export interface MigrateConfig {
  databaseUrl: string;
  runningAccount: string | undefined;
}

const ACCOUNT_PATTERN = /^[\w.-]{1,32}@[\w.:%-]{1,255}$/;

/**
 * Reads the migration job's configuration: `DATABASE_URL` of the account that may change tables, and optionally
 * `DATABASE_RUNNING_ACCOUNT` (`name@host`), the account of the system, which is granted access to them.
 * @throws Error that names the invalid variable, without its value.
 */
export function loadMigrateConfig(env: Record<string, string | undefined> = process.env): MigrateConfig {
  const { DATABASE_URL: databaseUrl, DATABASE_RUNNING_ACCOUNT: account } = env;
  if (!databaseUrl) throw new Error('DATABASE_URL is not set');
  if (!/^(mysql:\/\/|sqlite:)/.test(databaseUrl)) {
    throw new Error('DATABASE_URL must begin with mysql:// or sqlite:');
  }
  if (account && !ACCOUNT_PATTERN.test(account))
    throw new Error('DATABASE_RUNNING_ACCOUNT must be name@host');
  return { databaseUrl, runningAccount: account || undefined };
}

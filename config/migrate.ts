export interface MigrateConfig {
  databaseUrl: string;
  runningAccount: string | undefined;
}

const ACCOUNT_PATTERN = /^[\w.-]{1,32}@[\w.:%-]{1,255}$/;

/**
 * What the migration job reads: `DATABASE_URL` of the account that may change tables, and `DATABASE_RUNNING_ACCOUNT`
 * (`name@host`), the account that is then allowed to use them, where it is another one. Repeats no value: it may be
 * a secret.
 * @throws Error that names the fault.
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

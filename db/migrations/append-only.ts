import type { MigrationContext } from './migration';

/** Triggers that reject every UPDATE and DELETE, whichever account sends it. */
export async function createAppendOnlyTriggers(
  { run, dialect }: MigrationContext,
  table: string,
): Promise<void> {
  const message = `'${table} is append-only'`;
  for (const operation of ['UPDATE', 'DELETE']) {
    const name = `${table}_no_${operation.toLowerCase()}`;
    await run(
      dialect === 'mysql'
        ? `CREATE TRIGGER ${name} BEFORE ${operation} ON ${table} FOR EACH ROW
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = ${message}`
        : `CREATE TRIGGER ${name} BEFORE ${operation} ON ${table} BEGIN SELECT RAISE(ABORT, ${message}); END`,
    );
  }
}

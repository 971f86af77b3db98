import { connect, type Database, type SqlValue } from '../../../db/core/connect';
import type { TestStore } from '../servers/databases';

/** A second connection to the database: explains each SELECT with its values and adds the plan to `plans`. */
export const recordQueryPlans = ({ db, url }: TestStore, plans: Promise<string[]>[]): Database =>
  connect({
    url,
    onStatement: (sql, values) => {
      if (/^\s*SELECT/.test(sql)) plans.push(explainQuery(db, sql, values));
    },
  });

async function explainQuery(db: Database, sql: string, values: readonly SqlValue[]): Promise<string[]> {
  if (db.dialect === 'sqlite') {
    const { rows } = await db.send(`EXPLAIN QUERY PLAN ${sql}`, values);
    return (rows as { detail: string }[]).map((row) => row.detail);
  }
  const { rows } = await db.send(`EXPLAIN ${sql}`, values);
  return (rows as Record<string, unknown>[]).map(
    (row) => `${row.table}: type ${row.type}, key ${row.key}, ${row.Extra}`,
  );
}

/** @returns true for a table scan or a sort of the result. Reading an index backwards is neither. */
export const isSlowPlanStep = (step: string): boolean =>
  /TEMP B-TREE|filesort|Using temporary|type ALL/.test(step) ||
  /^SCAN (?!.*USING (COVERING )?INDEX)/.test(step);

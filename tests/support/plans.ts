import type { Database } from '../../db/connect';

/** The same database, which also asks for the plan of each SELECT with the values it was sent with. */
export function explaining(db: Database, plans: Promise<string[]>[]): Database {
  const sequelize = new Proxy(db.sequelize, {
    get(target, name) {
      if (name !== 'query') return Reflect.get(target, name, target) as unknown;
      return (sql: string, options: object) => {
        if (/^\s*SELECT/.test(sql)) plans.push(explain(db, sql, options));
        return target.query(sql, options);
      };
    },
  });
  return { ...db, sequelize };
}

async function explain(db: Database, sql: string, options: object): Promise<string[]> {
  if (db.dialect === 'sqlite') {
    const rows = (await db.sequelize.query(`EXPLAIN QUERY PLAN ${sql}`, options)) as unknown[];
    return (rows as { detail: string }[]).map((row) => row.detail);
  }
  const rows = (await db.sequelize.query(`EXPLAIN ${sql}`, options)) as unknown[];
  return (rows as Record<string, unknown>[]).map(
    (row) => `${row.table}: type ${row.type}, key ${row.key}, ${row.Extra}`,
  );
}

/** A scan of a table, or a sort of what was found. An index that is read from its end is neither. */
export const isSlow = (step: string): boolean =>
  /TEMP B-TREE|filesort|Using temporary|type ALL/.test(step) ||
  /^SCAN (?!.*USING (COVERING )?INDEX)/.test(step);

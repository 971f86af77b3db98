import { randomUUID } from 'node:crypto';
import type { Database, Tx } from '../core/connect';
import { insertRows, select } from '../core/sql';

/**
 * The version of all products together. It is unique rather than counted: a database restored from a backup does not
 * repeat versions under which pages are cached.
 */
export interface CatalogueVersion {
  read(): Promise<string>;
}

const ROW_ID = 1;

export const createCatalogueVersion = (db: Database): CatalogueVersion => ({
  async read() {
    const params = { id: ROW_ID };
    const [row] = await select<{ version: string }>(
      db,
      'SELECT version FROM catalogue_version WHERE id = :id',
      params,
    );
    return row?.version ?? 'unchanged';
  },
});

/**
 * Required in every transaction that changes products, as its last statement: the row stays locked until the commit, and
 * another change waits for it.
 */
export const renewCatalogueVersion = (db: Database, tx: Tx): Promise<void> =>
  insertRows(db, db.models.catalogueVersion, [{ id: ROW_ID, version: randomUUID() }], {
    tx,
    orUpdate: ['version'],
  });

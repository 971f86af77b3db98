import type { ColumnTypes } from '../core/column-types';
import type { Database } from '../core/connect';

export interface MigrationContext {
  dialect: Database['dialect'];
  type: ColumnTypes;
  run(sql: string): Promise<void>;
  /** For rows that are there and have to be made anew. */
  db: Database;
}
export type Migration = (context: MigrationContext) => Promise<void>;

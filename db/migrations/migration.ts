import type { ColumnTypes } from '../core/column-types';
import type { Database } from '../core/connect';

export interface MigrationContext {
  dialect: Database['dialect'];
  type: ColumnTypes;
  /** Ignores a CREATE or DROP that an interrupted run has already applied. */
  run(sql: string): Promise<void>;
}
export type Migration = (context: MigrationContext) => Promise<void>;

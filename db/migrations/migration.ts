import type { Database } from '../core/connect';
import type { ColumnTypes } from './column-types';

export interface MigrationContext {
  dialect: Database['dialect'];
  type: ColumnTypes;
  /** Ignores a CREATE or DROP that an interrupted run has already applied. */
  run(sql: string): Promise<void>;
}
export type Migration = (context: MigrationContext) => Promise<void>;

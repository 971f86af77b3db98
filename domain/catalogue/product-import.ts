import type { Actor } from '../orders/order';
import type { DomainEvent } from '../shared/events';
import { eventKey } from '../shared/ids';
import type { Product, ProductChange } from './product';
import { applyRow, type ProductRow, type RowError } from './product-rows';

export type ImportStatus = 'received' | 'importing' | 'completed' | 'cancelled' | 'failed';

/** How an import ended. What was applied by then stays. */
export type ImportOutcome = Extract<ImportStatus, 'completed' | 'cancelled' | 'failed'>;

/** What became of the rows so far: each counts once. */
export interface ImportCounts {
  created: number;
  updated: number;
  unchanged: number;
  faulty: number;
}

/** Whole percents of the rows; a file without rows is done. */
export const getProgressPercent = ({ rows, doneRows }: { rows: number; doneRows: number }): number =>
  rows === 0 ? 100 : Math.floor((100 * doneRows) / rows);

/** Faults kept of one import; all are counted. */
export const MAX_STORED_ROW_ERRORS = 1_000;

export interface ApplyRowsResult extends ImportCounts {
  /** In the order of the rows: a sku that comes twice has two. */
  changes: ProductChange[];
  errors: RowError[];
}

/**
 * What the rows of a chunk make of the products there are. A sku that comes again in a file is an update by the later row.
 * @param current those of the rows' products that exist.
 */
export function applyRows(
  rows: readonly (ProductRow | RowError[])[],
  current: ReadonlyMap<string, Product>,
  atMs: number,
): ApplyRowsResult {
  const products = new Map(current);
  const applied: ApplyRowsResult = {
    created: 0,
    updated: 0,
    unchanged: 0,
    faulty: 0,
    changes: [],
    errors: [],
  };
  for (const row of rows) {
    const result = Array.isArray(row) ? row : applyRow(row, products.get(row.sku) ?? null, atMs);
    if (result === null) {
      applied.unchanged += 1;
    } else if (Array.isArray(result)) {
      applied.faulty += 1;
      applied.errors.push(...result);
    } else {
      applied[result.before === null ? 'created' : 'updated'] += 1;
      applied.changes.push(result);
      products.set(result.after.sku, result.after);
    }
  }
  return applied;
}

/** What is known of a file once it is stored. `bodyHash` tells it from every other one. */
export interface ImportFile {
  rows: number;
  chunks: number;
  bodyHash: string;
}

export const productImportStarted = (
  id: string,
  file: ImportFile,
  actor: Actor,
  atMs: number,
): DomainEvent => ({
  key: eventKey(id, 'received'),
  type: 'ProductImportStarted',
  stream: id,
  subject: id,
  actor,
  atMs,
  data: { ...file },
});

export const productImportFinished = (
  id: string,
  status: ImportOutcome,
  { created, updated, unchanged, faulty }: ImportCounts,
  actor: Actor,
  atMs: number,
): DomainEvent => ({
  key: eventKey(id, 'ended'),
  type: 'ProductImportFinished',
  stream: id,
  subject: id,
  actor,
  atMs,
  data: { status, created, updated, unchanged, faulty },
});

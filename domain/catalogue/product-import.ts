import type { Actor } from '../orders/order';
import type { DomainEvent } from '../shared/events';
import { eventKey } from '../shared/ids';
import type { Product, ProductChange } from './product';
import { applyRow, type ProductRow, type RowError } from './product-rows';

export type ImportStatus = 'received' | 'importing' | 'completed' | 'cancelled' | 'failed';

/** Final statuses of an import. Rows applied before a failure or cancellation stay applied. */
export type ImportOutcome = Extract<ImportStatus, 'completed' | 'cancelled' | 'failed'>;

/** Results of the rows processed so far; each row counts once. */
export interface ImportCounts {
  created: number;
  updated: number;
  unchanged: number;
  faulty: number;
}

/** Processed rows in whole percent; 100 for a file without rows. */
export const getProgressPercent = ({ rows, doneRows }: { rows: number; doneRows: number }): number =>
  rows === 0 ? 100 : Math.floor((100 * doneRows) / rows);

/** Maximum row errors stored per import; all of them are counted. */
export const MAX_STORED_ROW_ERRORS = 1_000;

export interface ApplyRowsResult extends ImportCounts {
  /** In row order; a sku that appears twice has two changes. */
  changes: ProductChange[];
  errors: RowError[];
}

/**
 * Applies the rows of a chunk to existing products. A later row with the same sku updates the earlier one.
 * @param current the existing products of these rows, by sku.
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

/** A stored file. `bodyHash` identifies its content. */
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
  key: eventKey(id, 'started'),
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
  key: eventKey(id, 'finished'),
  type: 'ProductImportFinished',
  stream: id,
  subject: id,
  actor,
  atMs,
  data: { status, created, updated, unchanged, faulty },
});

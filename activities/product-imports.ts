import { ApplicationFailure, heartbeat } from '@temporalio/activity';
import type { ProductImport } from '../db/catalogue/product-imports';
import type { Store } from '../db/core/store';
import {
  applyRows,
  type ImportCounts,
  type ImportOutcome,
  productImportFinished,
} from '../domain/catalogue/product-import';
import { type ProductRow, parseRow, type RowError } from '../domain/catalogue/product-rows';

/** Progress of a product import. */
export interface ImportProgress extends ImportCounts {
  chunks: number;
  appliedChunks: number;
  rows: number;
  doneRows: number;
  /** Null until the import is finished. */
  outcome: ImportOutcome | null;
}

/**
 * The steps of an import, each one transaction. Each is idempotent: the import's row records the applied chunks and the
 * outcome.
 */
export interface ImportActivities {
  startImport(importId: string): Promise<ImportProgress>;
  /** Upserts the products of one chunk, with their search terms and events. Chunks are applied in order. */
  applyChunk(importId: string, chunk: number): Promise<ImportProgress>;
  /**
   * Leaves an import unchanged if it is to be completed but has unapplied chunks.
   * @param failure the reason, if it failed; shown to users.
   */
  finishImport(importId: string, status: ImportOutcome, failure: string | null): Promise<ImportProgress>;
}

const HEARTBEAT_MS = 3_000;

export function createImportActivities(
  { db, log, products, productChanges, productImports }: Store,
  now: () => number = Date.now,
): ImportActivities {
  return {
    startImport: (importId) =>
      db.write(async (tx) => {
        const current = assertImportFound(await productImports.lock(importId, tx));
        await productImports.markImporting(importId, now(), tx);
        return toImportProgress(current);
      }),

    applyChunk: (importId, chunk) =>
      withHeartbeat(() =>
        db.write(async (tx) => {
          const before = assertImportFound(await productImports.lock(importId, tx));
          // An earlier attempt committed and its result was lost, or a failover lost committed chunks: the workflow
          // continues from the stored progress.
          const progress = toImportProgress(before);
          if (before.appliedChunks !== chunk || progress.outcome !== null) return progress;
          const raw = await productImports.findChunkRows(importId, chunk, tx);
          if (raw === null) throw createCorruptedFailure(`chunk ${chunk} is missing`);

          const atMs = now();
          const rows = raw.map((row) => parseRow(before.columns, row, before.currency));
          const current = await products.lock(listSkus(rows), tx);
          const applied = applyRows(rows, current, atMs);
          await productChanges.saveChanges(applied.changes, before.actor, tx);
          await productImports.recordAppliedChunk(before, { ...applied, rows: raw.length }, atMs, tx);
          return toImportProgress(assertImportFound(await productImports.lock(importId, tx)));
        }),
      ),

    finishImport: (importId, status, failure) =>
      db.write(async (tx) => {
        const before = assertImportFound(await productImports.lock(importId, tx));
        const progress = toImportProgress(before);
        if (progress.outcome !== null) return progress;
        // A failover lost applied chunks.
        if (status === 'completed' && before.appliedChunks < before.chunks) return progress;
        const atMs = now();
        await productImports.finish(importId, status, failure, atMs, tx);
        const finished = productImportFinished(importId, status, before, before.actor, atMs);
        await log.append(await log.lockHead(importId, tx), [finished], tx);
        return { ...progress, outcome: status };
      }),
  };
}

const toImportProgress = (stored: ProductImport): ImportProgress => {
  const { chunks, appliedChunks, rows, doneRows, created, updated, unchanged, faulty, status } = stored;
  const outcome = status === 'received' || status === 'importing' ? null : status;
  return { chunks, appliedChunks, rows, doneRows, created, updated, unchanged, faulty, outcome };
};

const listSkus = (rows: readonly (ProductRow | RowError[])[]): string[] =>
  rows.flatMap((row) => (Array.isArray(row) ? [] : [row.sku]));

/** The import is stored before its workflow starts: without it, the database is another one or was restored. */
function assertImportFound(stored: ProductImport | null): ProductImport {
  if (stored === null) throw createCorruptedFailure('the import is not in the database');
  return stored;
}

const createCorruptedFailure = (message: string) =>
  ApplicationFailure.nonRetryable(message, 'ImportCorrupted');

/** Sends heartbeats, so that a killed worker is detected and another one retries the chunk. */
async function withHeartbeat<T>(work: () => Promise<T>): Promise<T> {
  const heartbeats = setInterval(() => heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeats);
  }
}

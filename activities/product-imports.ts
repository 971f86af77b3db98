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

/** How far an import has come. */
export interface ImportProgress extends ImportCounts {
  chunks: number;
  appliedChunks: number;
  rows: number;
  doneRows: number;
  /** Null while it goes on. */
  outcome: ImportOutcome | null;
}

/**
 * The steps of an import, each one transaction. Each may run again: the import's row knows which chunks are applied and
 * whether it has ended.
 */
export interface ImportActivities {
  beginImport(importId: string): Promise<ImportProgress>;
  /** Makes the rows of one chunk products, with their terms and events. Chunks are applied in their order. */
  applyChunk(importId: string, chunk: number): Promise<ImportProgress>;
  /**
   * An import with chunks that are not applied is not completed: it is left as it is.
   * @param failure why it could not go on, in words.
   */
  finishImport(importId: string, status: ImportOutcome, failure: string | null): Promise<ImportProgress>;
}

const HEARTBEAT_MS = 3_000;

export function createImportActivities(
  { db, log, products, productChanges, productImports }: Store,
  now: () => number = Date.now,
): ImportActivities {
  return {
    beginImport: (importId) =>
      db.write(async (tx) => {
        const found = assertImportFound(await productImports.lock(importId, tx));
        await productImports.markImporting(importId, now(), tx);
        return toImportProgress(found);
      }),

    applyChunk: (importId, chunk) =>
      withHeartbeat(() =>
        db.write(async (tx) => {
          const before = assertImportFound(await productImports.lock(importId, tx));
          // An earlier attempt came to its end and its answer did not arrive, or the database has lost what it had (a
          // failover): it goes on from what is there.
          const progress = toImportProgress(before);
          if (before.appliedChunks !== chunk || progress.outcome !== null) return progress;
          const raw = await productImports.findChunkRows(importId, chunk, tx);
          if (raw === null) throw createCorruptedFailure(`chunk ${chunk} is not there`);

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
        // It has lost chunks that had been applied.
        if (status === 'completed' && before.appliedChunks < before.chunks) return progress;
        const atMs = now();
        await productImports.finish(importId, status, failure, atMs, tx);
        const ended = productImportFinished(importId, status, before, before.actor, atMs);
        await log.append(await log.lockHead(importId, tx), [ended], tx);
        return { ...progress, outcome: status };
      }),
  };
}

const toImportProgress = (found: ProductImport): ImportProgress => {
  const { chunks, appliedChunks, rows, doneRows, created, updated, unchanged, faulty, status } = found;
  const ended = status === 'received' || status === 'importing' ? null : status;
  return { chunks, appliedChunks, rows, doneRows, created, updated, unchanged, faulty, outcome: ended };
};

const listSkus = (rows: readonly (ProductRow | RowError[])[]): string[] =>
  rows.flatMap((row) => (Array.isArray(row) ? [] : [row.sku]));

/** It was stored before its workflow was started: the database is another one, or older. */
function assertImportFound(found: ProductImport | null): ProductImport {
  if (found === null) throw createCorruptedFailure('the import is not in the database');
  return found;
}

const createCorruptedFailure = (what: string) => ApplicationFailure.nonRetryable(what, 'ImportCorrupted');

/** A chunk whose worker was killed is taken up by another one soon. */
async function withHeartbeat<T>(work: () => Promise<T>): Promise<T> {
  const beat = setInterval(() => heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
  }
}

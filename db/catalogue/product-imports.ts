import type {
  ImportCounts,
  ImportFile,
  ImportOutcome,
  ImportStatus,
} from '../../domain/catalogue/product-import';
import { MAX_STORED_ROW_ERRORS } from '../../domain/catalogue/product-import';
import type { RawRow, RowError } from '../../domain/catalogue/product-rows';
import type { Actor } from '../../domain/orders/order';
import { toBatches } from '../core/batches';
import type { Database, Tx } from '../core/connect';
import { execute, forUpdate, insert, limit, type Params, select } from '../core/sql';

/** An imported file of products and its progress. */
export interface ProductImport extends ImportCounts {
  id: string;
  /** Keyed hash of the file. */
  bodyHash: string;
  actor: Actor;
  /** Currency of the prices in the file. */
  currency: string;
  columns: string[];
  status: ImportStatus;
  rows: number;
  chunks: number;
  appliedChunks: number;
  doneRows: number;
  /** Reason of the failure, for people. */
  failure: string | null;
  createdAtMs: number;
  endedAtMs: number | null;
}

export interface NewProductImport {
  id: string;
  actor: Actor;
  currency: string;
  atMs: number;
}

/** Imported files of products. Only the upload methods see a file whose upload is incomplete. */
export interface ProductImports {
  /** Begins an upload and removes some uploads that were abandoned long ago. */
  startUpload(upload: NewProductImport, tx: Tx): Promise<void>;
  /** @returns false when the upload was removed as abandoned. */
  addChunk(id: string, chunk: number, rows: readonly RawRow[], atMs: number, tx: Tx): Promise<boolean>;
  /** Makes the file visible. @returns false when the upload was removed as abandoned. */
  completeUpload(
    id: string,
    file: ImportFile & { columns: readonly string[] },
    atMs: number,
    tx: Tx,
  ): Promise<boolean>;
  /** Removes an incomplete upload; does nothing to a complete one. */
  discardUpload(id: string, tx: Tx): Promise<void>;

  find(id: string): Promise<ProductImport | null>;
  /** Newest first, after `afterId`. */
  list(page: { afterId?: string; limit: number }): Promise<ProductImport[]>;
  findErrors(id: string): Promise<RowError[]>;
  /** Unfinished imports without progress since then, oldest first. */
  findStalled(sinceMs: number, rows: number): Promise<{ id: string }[]>;

  /** Locks it for the rest of the transaction. */
  lock(id: string, tx: Tx): Promise<ProductImport | null>;
  markImporting(id: string, atMs: number, tx: Tx): Promise<void>;
  findChunkRows(id: string, chunk: number, tx: Tx): Promise<RawRow[] | null>;
  /** Marks the next chunk as applied. @param before the import as it was locked. */
  recordAppliedChunk(
    before: ProductImport,
    applied: ImportCounts & { rows: number; errors: readonly RowError[] },
    atMs: number,
    tx: Tx,
  ): Promise<void>;
  /** Deletes the rows of the file; counts and row errors stay. */
  finish(id: string, status: ImportOutcome, failure: string | null, atMs: number, tx: Tx): Promise<void>;
}

const UPLOADING = 'uploading';
/** A request takes at most half a minute: an older upload belongs to a process that was killed. */
const ABANDONED_AFTER_MS = 60 * 60_000;
const CLEANUP_BATCH_SIZE = 10;

const COLUMNS = `id, body_hash AS bodyHash, actor, currency,
  csv_columns AS columnsRead, status, row_count AS "rows", chunk_count AS chunks, applied_chunks AS appliedChunks,
  done_rows AS doneRows, created, updated, unchanged, faulty, failure, created_at_ms AS createdAtMs,
  ended_at_ms AS endedAtMs`;
/** Sorts after every id: they begin with `imp_` and capital letters or digits. */
const MAX_ID = 'imp_~';

type Row = Omit<ProductImport, 'actor' | 'columns'> & { actor: string; columnsRead: string };

const fromRow = ({ actor, columnsRead, ...row }: Row): ProductImport => ({
  ...row,
  actor: JSON.parse(actor) as Actor,
  columns: JSON.parse(columnsRead) as string[],
});

export function createProductImports(db: Database): ProductImports {
  const many = async (rest: string, params: Params, tx?: Tx): Promise<ProductImport[]> =>
    (await select<Row>(db, `SELECT ${COLUMNS} FROM product_imports WHERE ${rest}`, params, tx)).map(fromRow);
  const one = async (rest: string, params: Params, tx?: Tx): Promise<ProductImport | null> =>
    (await many(rest, params, tx))[0] ?? null;

  const remove = async (id: string, tx: Tx): Promise<void> => {
    const removed = await execute(
      db,
      `DELETE FROM product_imports WHERE id = :id AND status = '${UPLOADING}'`,
      { id },
      tx,
    );
    if (removed === 0) return;
    await execute(db, 'DELETE FROM product_import_chunks WHERE import_id = :id', { id }, tx);
  };

  return {
    async startUpload({ id, actor, currency, atMs }, tx) {
      const abandoned = await select<{ id: string }>(
        db,
        `SELECT id FROM product_imports WHERE status = '${UPLOADING}' AND updated_at_ms < :beforeMs
         ORDER BY id${limit(CLEANUP_BATCH_SIZE)}`,
        { beforeMs: atMs - ABANDONED_AFTER_MS },
        tx,
      );
      for (const upload of abandoned) await remove(upload.id, tx);
      await insert(
        db,
        'product_imports',
        [
          {
            id,
            actor: JSON.stringify(actor),
            currency,
            status: UPLOADING,
            created_at_ms: atMs,
            updated_at_ms: atMs,
          },
        ],
        { tx },
      );
    },

    async addChunk(id, chunk, rows, atMs, tx) {
      const owned = await execute(
        db,
        `UPDATE product_imports SET updated_at_ms = :atMs, chunk_count = :chunks
         WHERE id = :id AND status = '${UPLOADING}'`,
        { id, atMs, chunks: chunk + 1 },
        tx,
      );
      if (owned === 0) return false;
      const row = {
        import_id: id,
        chunk,
        row_count: rows.length,
        body: JSON.stringify(rows.map(toChunkRow)),
      };
      await insert(db, 'product_import_chunks', [row], { tx });
      return true;
    },

    async completeUpload(id, { rows, chunks, bodyHash, columns }, atMs, tx) {
      const owned = await execute(
        db,
        `UPDATE product_imports SET status = 'received', row_count = :rows, chunk_count = :chunks,
           body_hash = :bodyHash, csv_columns = :columns, updated_at_ms = :atMs
         WHERE id = :id AND status = '${UPLOADING}'`,
        { id, rows, chunks, bodyHash, columns: JSON.stringify(columns), atMs },
        tx,
      );
      return owned === 1;
    },

    discardUpload: remove,

    find: (id) => one(`id = :id AND status <> '${UPLOADING}'`, { id }),

    list: ({ afterId = MAX_ID, limit: rows }) =>
      many(`id < :afterId AND status <> '${UPLOADING}' ORDER BY id DESC${limit(rows)}`, { afterId }),

    findErrors: async (id) =>
      (
        await select<RowError & { sku: string | null }>(
          db,
          `SELECT line, sku, field, detail FROM product_import_errors WHERE import_id = :id
           ORDER BY seq${limit(MAX_STORED_ROW_ERRORS)}`,
          { id },
        )
      ).map(({ sku, ...error }) => (sku === null ? error : { ...error, sku })),

    async findStalled(sinceMs, rows) {
      const byStatus = (status: ImportStatus) =>
        select<{ id: string }>(
          db,
          `SELECT id FROM product_imports WHERE status = :status AND updated_at_ms < :sinceMs
           ORDER BY id${limit(rows)}`,
          { status, sinceMs },
        );
      return [...(await byStatus('received')), ...(await byStatus('importing'))];
    },

    lock: (id, tx) => one(`id = :id AND status <> '${UPLOADING}'${forUpdate(db)}`, { id }, tx),

    async markImporting(id, atMs, tx) {
      await execute(
        db,
        "UPDATE product_imports SET status = 'importing', updated_at_ms = :atMs WHERE id = :id AND status = 'received'",
        { id, atMs },
        tx,
      );
    },

    async findChunkRows(id, chunk, tx) {
      const [row] = await select<{ body: string }>(
        db,
        'SELECT body FROM product_import_chunks WHERE import_id = :id AND chunk = :chunk',
        { id, chunk },
        tx,
      );
      return row === undefined ? null : (JSON.parse(row.body) as ChunkRow[]).map(fromChunkRow);
    },

    async recordAppliedChunk(before, { rows, errors, created, updated, unchanged, faulty }, atMs, tx) {
      const { id } = before;
      const stored = before.faulty === 0 ? 0 : await countStoredErrors(db, id, tx);
      const newErrors = errors
        .slice(0, MAX_STORED_ROW_ERRORS - stored)
        .map(({ line, sku = null, field, detail }, i) => ({
          import_id: id,
          seq: stored + i,
          line,
          sku,
          field,
          detail,
        }));
      for (const batch of toBatches(newErrors)) await insert(db, 'product_import_errors', batch, { tx });
      await execute(
        db,
        `UPDATE product_imports SET applied_chunks = applied_chunks + 1, done_rows = done_rows + :rows,
           created = created + :created, updated = updated + :updated, unchanged = unchanged + :unchanged,
           faulty = faulty + :faulty, updated_at_ms = :atMs
         WHERE id = :id`,
        { id, rows, created, updated, unchanged, faulty, atMs },
        tx,
      );
    },

    async finish(id, status, failure, atMs, tx) {
      await execute(
        db,
        `UPDATE product_imports SET status = :status, failure = :failure, updated_at_ms = :atMs, ended_at_ms = :atMs
         WHERE id = :id`,
        { id, status, failure, atMs },
        tx,
      );
      await execute(db, 'DELETE FROM product_import_chunks WHERE import_id = :id', { id }, tx);
    },
  };
}

type ChunkRow = [line: number, ...cells: string[]];
const toChunkRow = ({ line, cells }: RawRow): ChunkRow => [line, ...cells];
const fromChunkRow = ([line, ...cells]: ChunkRow): RawRow => ({ line, cells });

async function countStoredErrors(db: Database, id: string, tx: Tx): Promise<number> {
  const [row] = await select<{ count: number | null }>(
    db,
    'SELECT MAX(seq) + 1 AS count FROM product_import_errors WHERE import_id = :id',
    { id },
    tx,
  );
  return Number(row?.count ?? 0);
}

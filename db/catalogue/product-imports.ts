import { Op } from 'sequelize';
import {
  type ImportCounts,
  type ImportFile,
  type ImportOutcome,
  type ImportStatus,
  MAX_STORED_ROW_ERRORS,
} from '../../domain/catalogue/product-import';
import type { RawRow, RowError } from '../../domain/catalogue/product-rows';
import type { Actor } from '../../domain/orders/order';
import { toBatches } from '../core/batches';
import type { Database, Tx } from '../core/connect';
import { execute, insertRows, select } from '../core/sql';
import type { ChunkRow, ProductImport } from './models';

export type { ProductImport } from './models';

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

const UPLOADING = 'uploading' as const;
/** A request takes at most half a minute: an older upload belongs to a process that was killed. */
const ABANDONED_AFTER_MS = 60 * 60_000;
const CLEANUP_BATCH_SIZE = 10;

/** Sorts after every id: they begin with `imp_` and capital letters or digits. */
const MAX_ID = 'imp_~';

const COMPLETE = { [Op.ne]: UPLOADING };

export function createProductImports(db: Database): ProductImports {
  const { productImports, productImportChunks, productImportErrors } = db.models;

  const remove = async (id: string, transaction: Tx): Promise<void> => {
    const removed = await productImports.destroy({ where: { id, status: UPLOADING }, transaction });
    if (removed > 0) await productImportChunks.destroy({ where: { importId: id }, transaction });
  };

  return {
    async startUpload({ id, actor, currency, atMs }, transaction) {
      const abandoned = await productImports.findAll({
        attributes: ['id'],
        where: { status: UPLOADING, updatedAtMs: { [Op.lt]: atMs - ABANDONED_AFTER_MS } },
        order: ['id'],
        limit: CLEANUP_BATCH_SIZE,
        transaction,
      });
      for (const upload of abandoned) await remove(upload.id, transaction);
      const row = { id, actor, currency, status: UPLOADING, createdAtMs: atMs, updatedAtMs: atMs };
      await productImports.create(row, { transaction });
    },

    async addChunk(importId, chunk, rows, atMs, transaction) {
      const [owned] = await productImports.update(
        { updatedAtMs: atMs, chunks: chunk + 1 },
        { where: { id: importId, status: UPLOADING }, transaction },
      );
      if (owned === 0) return false;
      const row = { importId, chunk, rowCount: rows.length, body: rows.map(toChunkRow) };
      await insertRows(db, productImportChunks, [row], { tx: transaction });
      return true;
    },

    async completeUpload(id, { rows, chunks, bodyHash, columns }, atMs, transaction) {
      const [owned] = await productImports.update(
        { status: 'received', rows, chunks, bodyHash, columns, updatedAtMs: atMs },
        { where: { id, status: UPLOADING }, transaction },
      );
      return owned === 1;
    },

    discardUpload: remove,

    find: (id) =>
      productImports.findOne({ where: { id, status: COMPLETE } }) as Promise<ProductImport | null>,

    list: ({ afterId = MAX_ID, limit }) =>
      productImports.findAll({
        where: { id: { [Op.lt]: afterId }, status: COMPLETE },
        order: [['id', 'DESC']],
        limit,
      }) as Promise<ProductImport[]>,

    async findErrors(importId) {
      const limit = MAX_STORED_ROW_ERRORS;
      const rows = await productImportErrors.findAll({ where: { importId }, order: ['seq'], limit });
      return rows.map(({ line, sku, field, detail }) => ({
        line,
        ...(sku === null ? {} : { sku }),
        field,
        detail,
      }));
    },

    async findStalled(sinceMs, limit) {
      const findByStatus = (status: ImportStatus) => {
        const where = { status, updatedAtMs: { [Op.lt]: sinceMs } };
        return productImports.findAll({ attributes: ['id'], where, order: ['id'], limit });
      };
      return [...(await findByStatus('received')), ...(await findByStatus('importing'))];
    },

    lock: (id, transaction) =>
      productImports.findOne({
        where: { id, status: COMPLETE },
        lock: true,
        transaction,
      }) as Promise<ProductImport | null>,

    async markImporting(id, updatedAtMs, transaction) {
      await productImports.update(
        { status: 'importing', updatedAtMs },
        { where: { id, status: 'received' }, transaction },
      );
    },

    async findChunkRows(importId, chunk, transaction) {
      const row = await productImportChunks.findOne({ where: { importId, chunk }, transaction });
      return row?.body.map(fromChunkRow) ?? null;
    },

    async recordAppliedChunk(before, { rows, errors, created, updated, unchanged, faulty }, atMs, tx) {
      const { id } = before;
      const stored = before.faulty === 0 ? 0 : await countStoredErrors(db, id, tx);
      const newErrors = errors
        .slice(0, MAX_STORED_ROW_ERRORS - stored)
        .map(({ line, sku = null, field, detail }, i) => ({
          importId: id,
          seq: stored + i,
          line,
          sku,
          field,
          detail,
        }));
      for (const batch of toBatches(newErrors)) {
        await insertRows(db, productImportErrors, batch, { tx });
      }
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

    async finish(id, status, failure, atMs, transaction) {
      const changes = { status, failure, updatedAtMs: atMs, endedAtMs: atMs };
      await productImports.update(changes, { where: { id }, transaction });
      await productImportChunks.destroy({ where: { importId: id }, transaction });
    },
  };
}

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

import { createHmac, type Hmac } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { ProductImport } from '../../db/catalogue/product-imports';
import type { Store } from '../../db/core/store';
import { productImportStarted } from '../../domain/catalogue/product-import';
import type { RawRow } from '../../domain/catalogue/product-rows';
import type { Actor } from '../../domain/orders/order';
import type { PriceRules } from '../../domain/pricing/price-rules';
import { AppError } from '../../domain/shared/errors';
import { startImport } from '../../integrations/temporal/start-import';
import type { TaskQueues } from '../../workflows/shared/task-queues';
import { type ClaimIdempotencyKey, withIdempotencyKey } from '../shared/idempotency';
import { newImportId } from '../shared/new-ids';
import { MAX_FILE_BYTES, readCsv } from './read-csv';

export interface ImportDependencies {
  store: Pick<Store, 'db' | 'log' | 'productImports' | 'idempotencyKeys'>;
  temporal: Client;
  queues: TaskQueues;
  priceRules: PriceRules;
  /** Key of the hashes that compare files. */
  fingerprintKey: Buffer;
  log: Pick<Logger, 'warn'>;
}

/** A CSV file as it arrives. */
export interface ProductFile {
  bytes: AsyncIterable<Buffer>;
  /** Size announced by the sender; 0 when unknown. */
  announcedBytes: number;
}

export interface ImportRequest {
  actor: Actor;
  idempotencyKey: string | undefined;
}

export interface ImportResult {
  productImport: ProductImport;
  /** The key was already used with this file. */
  replayed: boolean;
}

/**
 * Stores a file of products while it arrives and starts its import. No row is applied before the file is complete; a
 * complete file is always imported, by another process if this one fails.
 * @throws AppError `malformed_csv`, `payload_too_large`, `idempotency_key_reused`, `upload_superseded`
 */
export async function createProductImport(
  deps: ImportDependencies,
  file: ProductFile,
  { actor, idempotencyKey }: ImportRequest,
): Promise<ImportResult> {
  const { store } = deps;
  const operation = 'product_import' as const;
  const key =
    idempotencyKey === undefined ? null : { caller: actor.id ?? actor.kind, operation, idempotencyKey };
  const hash = createHmac('sha256', deps.fingerprintKey);
  const bytes = hashBytes(file, hash);
  // A repeated file is only compared with the first one, not stored again.
  const isRepeated = key !== null && (await store.idempotencyKeys.find(key)) !== null;
  const upload = isRepeated ? await skipFile(bytes) : await storeUpload(deps, bytes, actor);
  const bodyHash = hash.digest('hex');
  const { id, replayed } = await withIdempotencyKey(store, key && { ...key, requestHash: bodyHash }, {
    create: (claim) => completeUpload(deps, upload, { bodyHash, actor, claim }),
    replay: async (importId) => ({ id: importId }),
  }).catch(async (error: unknown) => {
    await discardUpload(deps, upload);
    throw error;
  });
  if (replayed) await discardUpload(deps, upload);
  return { productImport: await ensureImportStarted(deps, id), replayed };
}

/** A stored file whose import does not exist yet. */
interface Upload {
  id: string;
  columns: string[];
  rows: number;
  chunks: number;
}

async function skipFile(bytes: AsyncIterable<Buffer>): Promise<null> {
  for await (const _ of bytes);
  return null;
}

/** On SQLite each transaction queues for the one writer: one for every chunk would use up the request's time. */
const CHUNKS_PER_TRANSACTION = 8;

async function storeUpload(
  deps: ImportDependencies,
  bytes: AsyncIterable<Buffer>,
  actor: Actor,
): Promise<Upload> {
  const { db, productImports } = deps.store;
  const atMs = Date.now();
  const upload: Upload = { id: newImportId(atMs), columns: [], rows: 0, chunks: 0 };
  const { currency } = deps.priceRules;
  await db.write((tx) => productImports.startUpload({ id: upload.id, actor, currency, atMs }, tx));
  let pending: RawRow[][] = [];
  const flush = async () => {
    await db.write(async (tx) => {
      for (const [n, rows] of pending.entries()) {
        if (!(await productImports.addChunk(upload.id, upload.chunks + n, rows, Date.now(), tx)))
          throw uploadSuperseded();
      }
    });
    upload.chunks += pending.length;
    pending = [];
  };
  try {
    await readCsv(bytes, {
      onHeader(columns) {
        upload.columns = columns;
      },
      async onRows(rows) {
        upload.rows += rows.length;
        pending.push(rows);
        if (pending.length === CHUNKS_PER_TRANSACTION) await flush();
      },
    });
    if (pending.length > 0) await flush();
    return upload;
  } catch (error) {
    await discardUpload(deps, upload);
    throw error;
  }
}

/** @throws AppError `upload_superseded` */
async function completeUpload(
  { store: { db, log, productImports } }: ImportDependencies,
  upload: Upload | null,
  { bodyHash, actor, claim }: { bodyHash: string; actor: Actor; claim: ClaimIdempotencyKey },
): Promise<{ id: string }> {
  if (upload === null) throw uploadSuperseded();
  const { id, columns, rows, chunks } = upload;
  const file = { rows, chunks, bodyHash };
  await db.write(async (tx) => {
    await claim(id, tx);
    const atMs = Date.now();
    if (!(await productImports.completeUpload(id, { ...file, columns }, atMs, tx))) throw uploadSuperseded();
    await log.append(await log.lockHead(id, tx), [productImportStarted(id, file, actor, atMs)], tx);
  });
  return { id };
}

const uploadSuperseded = (): AppError =>
  new AppError('upload_superseded', 'This upload was removed before it was complete. Send the file again.');

async function discardUpload({ store }: ImportDependencies, upload: Upload | null): Promise<void> {
  if (upload === null) return;
  await store.db.write((tx) => store.productImports.discardUpload(upload.id, tx));
}

/** A stored import is accepted even if Temporal is unavailable: a worker starts it later. */
async function ensureImportStarted(
  { temporal, queues, log, store }: ImportDependencies,
  id: string,
): Promise<ProductImport> {
  const stored = await store.productImports.find(id);
  if (stored === null) throw new Error(`stored import ${id} not found`);
  if (stored.endedAtMs !== null) return stored;
  await startImport(temporal, queues.orders, id).catch((error: unknown) =>
    log.warn({ err: error, importId: id }, 'import not started; a worker will start it'),
  );
  return stored;
}

/** @throws AppError `payload_too_large` */
async function* hashBytes({ bytes, announcedBytes }: ProductFile, hash: Hmac): AsyncGenerator<Buffer> {
  if (announcedBytes > MAX_FILE_BYTES) throw fileTooLarge();
  let size = 0;
  for await (const part of bytes) {
    size += part.length;
    if (size > MAX_FILE_BYTES) throw fileTooLarge();
    hash.update(part);
    yield part;
  }
}

const fileTooLarge = (): AppError =>
  new AppError('payload_too_large', `A file can have at most ${MAX_FILE_BYTES / 1024 / 1024} MB.`);

import { createHmac, type Hmac } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { ProductImport } from '../../db/catalogue/product-imports';
import { isDuplicate } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import { productImportStarted } from '../../domain/catalogue/product-import';
import type { RawRow } from '../../domain/catalogue/product-rows';
import type { Actor } from '../../domain/orders/order';
import type { PriceRules } from '../../domain/pricing/price-rules';
import { AppError } from '../../domain/shared/errors';
import { startImport } from '../../integrations/temporal/start-import';
import type { TaskQueues } from '../../workflows/shared/task-queues';
import { newImportId } from '../shared/new-ids';
import { MAX_FILE_BYTES, readCsv } from './read-csv';

export interface ImportDependencies {
  store: Pick<Store, 'db' | 'log' | 'productImports'>;
  temporal: Client;
  queues: TaskQueues;
  priceRules: PriceRules;
  /** Key of the hashes that tell files apart. */
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
  const caller = actor.id ?? actor.kind;
  const earlier = await findExistingImport(deps, caller, idempotencyKey);
  if (earlier !== null) return replayImport(deps, file, earlier);
  const id = await createImportRecord(deps, { caller, idempotencyKey, actor });
  if (id === null) {
    const first = await findExistingImport(deps, caller, idempotencyKey);
    if (first === null) throw uploadSuperseded();
    return replayImport(deps, file, first);
  }
  try {
    await storeRows(deps, file, id, actor);
  } catch (error) {
    await deps.store.db.write((tx) => deps.store.productImports.discardUpload(id, tx));
    throw error;
  }
  return { productImport: await ensureImportStarted(deps, id), replayed: false };
}

const findExistingImport = async (
  { store }: ImportDependencies,
  caller: string,
  idempotencyKey: string | undefined,
): Promise<ProductImport | null> =>
  idempotencyKey === undefined ? null : store.productImports.findByIdempotencyKey(caller, idempotencyKey);

const uploadSuperseded = (): AppError =>
  new AppError('upload_superseded', 'Another upload with this Idempotency-Key replaced this one.');

/** @returns null when another upload with the key is complete. */
async function createImportRecord(
  { store: { db, productImports }, priceRules }: ImportDependencies,
  upload: { caller: string; idempotencyKey: string | undefined; actor: Actor },
): Promise<string | null> {
  const atMs = Date.now();
  const id = newImportId(atMs);
  const { idempotencyKey = null, ...rest } = upload;
  try {
    const opened = { id, ...rest, idempotencyKey, currency: priceRules.currency, atMs };
    await db.write((tx) => productImports.startUpload(opened, tx));
    return id;
  } catch (error) {
    if (isDuplicate(error)) return null;
    throw error;
  }
}

/** On SQLite each transaction queues for the one writer: one for every chunk would use up the request's time. */
const CHUNKS_PER_TRANSACTION = 8;

async function storeRows(
  deps: ImportDependencies,
  file: ProductFile,
  id: string,
  actor: Actor,
): Promise<void> {
  const { db, log, productImports } = deps.store;
  const hash = createFileHash(deps);
  let [columns, rows, chunks]: [string[], number, number] = [[], 0, 0];
  let pending: RawRow[][] = [];
  const flush = async () => {
    await db.write(async (tx) => {
      for (const [n, chunk] of pending.entries()) {
        if (!(await productImports.addChunk(id, chunks + n, chunk, Date.now(), tx))) throw uploadSuperseded();
      }
    });
    chunks += pending.length;
    pending = [];
  };
  await readCsv(hashBytes(file, hash), {
    onHeader(names) {
      columns = names;
    },
    async onRows(chunk) {
      rows += chunk.length;
      pending.push(chunk);
      if (pending.length === CHUNKS_PER_TRANSACTION) await flush();
    },
  });
  if (pending.length > 0) await flush();
  const stored = { rows, chunks, bodyHash: hash.digest('hex') };
  await db.write(async (tx) => {
    const atMs = Date.now();
    if (!(await productImports.completeUpload(id, { ...stored, columns }, atMs, tx)))
      throw uploadSuperseded();
    await log.append(await log.lockHead(id, tx), [productImportStarted(id, stored, actor, atMs)], tx);
  });
}

/** Reads a repeated file to compare it with the first. @throws AppError `idempotency_key_reused` */
async function replayImport(
  deps: ImportDependencies,
  file: ProductFile,
  earlier: ProductImport,
): Promise<ImportResult> {
  const hash = createFileHash(deps);
  for await (const _ of hashBytes(file, hash));
  if (hash.digest('hex') !== earlier.bodyHash) {
    throw new AppError(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another file. Use a new key for a new file.',
    );
  }
  return { productImport: await ensureImportStarted(deps, earlier.id), replayed: true };
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

const createFileHash = ({ fingerprintKey }: ImportDependencies): Hmac => createHmac('sha256', fingerprintKey);

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

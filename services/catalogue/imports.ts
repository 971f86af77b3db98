import { createHmac, type Hmac } from 'node:crypto';
import type { Request } from 'express';
import type { ApiContext } from '../../api/http/context';
import type { ProductImport } from '../../db/catalogue/product-imports';
import { isDuplicate } from '../../db/core/connect';
import { productImportStarted } from '../../domain/catalogue/product-import';
import type { RawRow } from '../../domain/catalogue/product-rows';
import type { Actor } from '../../domain/orders/order';
import { AppError } from '../../domain/shared/errors';
import { startImport } from '../../integrations/temporal/start-import';
import { newImportId } from '../orders/new-ids';
import { MAX_FILE_BYTES, readCsv } from './read-csv';

export interface ImportRequest {
  actor: Actor;
  idempotencyKey: string | undefined;
}

export interface ImportResult {
  productImport: ProductImport;
  /** The key had been used before, with this file. */
  replayed: boolean;
}

/**
 * Stores a file of products as it comes in and starts its import. Nothing of a file is applied before all of it is stored;
 * once it is, the import is started, if not by this process then by another one.
 * @throws Failure `malformed_csv`, `payload_too_large`, `idempotency_key_reused`, `upload_superseded`
 */
export async function createProductImport(
  ctx: ApiContext,
  req: Request,
  { actor, idempotencyKey }: ImportRequest,
): Promise<ImportResult> {
  const caller = actor.id ?? actor.kind;
  const earlier = await findExistingImport(ctx, caller, idempotencyKey);
  if (earlier !== null) return replayImport(ctx, req, earlier);
  const id = await createImportRecord(ctx, { caller, idempotencyKey, actor });
  if (id === null) {
    const first = await findExistingImport(ctx, caller, idempotencyKey);
    if (first === null) throw uploadSuperseded();
    return replayImport(ctx, req, first);
  }
  try {
    await storeRows(ctx, req, id, actor);
  } catch (error) {
    await ctx.store.db.write((tx) => ctx.store.productImports.discardUpload(id, tx));
    throw error;
  }
  return { productImport: await ensureImportStarted(ctx, id), replayed: false };
}

const findExistingImport = async (
  { store }: ApiContext,
  caller: string,
  idempotencyKey: string | undefined,
): Promise<ProductImport | null> =>
  idempotencyKey === undefined ? null : store.productImports.findByIdempotencyKey(caller, idempotencyKey);

const uploadSuperseded = (): AppError =>
  new AppError('upload_superseded', 'Another upload with this Idempotency-Key came in the meantime.');

/** @returns null when another upload with the key is complete by now. */
async function createImportRecord(
  { store: { db, productImports }, priceRules }: ApiContext,
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

/**
 * Chunks stored in one transaction: on SQLite each waits for the one writer, and the time of the request must not be spent
 * in that queue.
 */
const CHUNKS_PER_TRANSACTION = 8;

async function storeRows(ctx: ApiContext, req: Request, id: string, actor: Actor): Promise<void> {
  const { db, log, productImports } = ctx.store;
  const hash = createFileHash(ctx);
  let [columns, rows, chunks]: [string[], number, number] = [[], 0, 0];
  let waiting: RawRow[][] = [];
  const keep = async () => {
    await db.write(async (tx) => {
      for (const [n, some] of waiting.entries()) {
        if (!(await productImports.addChunk(id, chunks + n, some, Date.now(), tx))) throw uploadSuperseded();
      }
    });
    chunks += waiting.length;
    waiting = [];
  };
  await readCsv(readBodyBytes(req, hash), {
    onHeader(names) {
      columns = names;
    },
    async onRows(some) {
      rows += some.length;
      waiting.push(some);
      if (waiting.length === CHUNKS_PER_TRANSACTION) await keep();
    },
  });
  if (waiting.length > 0) await keep();
  const file = { rows, chunks, bodyHash: hash.digest('hex') };
  await db.write(async (tx) => {
    const atMs = Date.now();
    if (!(await productImports.completeUpload(id, { ...file, columns }, atMs, tx))) throw uploadSuperseded();
    await log.append(await log.lockHead(id, tx), [productImportStarted(id, file, actor, atMs)], tx);
  });
}

/** The same request as before: its file is read to see that it is the same. */
async function replayImport(ctx: ApiContext, req: Request, earlier: ProductImport): Promise<ImportResult> {
  const hash = createFileHash(ctx);
  for await (const _ of readBodyBytes(req, hash));
  if (hash.digest('hex') !== earlier.bodyHash) {
    throw new AppError(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another file. A new file needs a new key.',
    );
  }
  return { productImport: await ensureImportStarted(ctx, earlier.id), replayed: true };
}

/** What is stored is accepted: where it cannot be started now, that is made up for soon. */
async function ensureImportStarted(ctx: ApiContext, id: string): Promise<ProductImport> {
  const { temporal, queues, log, store } = ctx;
  const before = await store.productImports.find(id);
  if (before === null) throw new Error(`import ${id} is stored and not found`);
  if (before.endedAtMs !== null) return before;
  await startImport(temporal, queues.orders, id).catch((error: unknown) =>
    log.warn({ err: error, importId: id }, 'the import will be started later'),
  );
  return before;
}

const createFileHash = ({ fingerprintKey }: ApiContext): Hmac => createHmac('sha256', fingerprintKey);

/** The body as it comes. It is left open for the answer when reading it ends early. @throws Failure `payload_too_large` */
async function* readBodyBytes(req: Request, hash: Hmac): AsyncGenerator<Buffer> {
  if (Number(req.get('content-length') ?? 0) > MAX_FILE_BYTES) throw fileTooLarge();
  let bytes = 0;
  try {
    for await (const part of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > MAX_FILE_BYTES) throw fileTooLarge();
      hash.update(part);
      yield part;
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'ECONNRESET') throw error;
    throw new AppError('invalid_request', 'The request ended before its body did.');
  }
}

const fileTooLarge = (): AppError =>
  new AppError('payload_too_large', `A file has ${MAX_FILE_BYTES / 1024 / 1024} MB at the most.`);

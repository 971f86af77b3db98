import { createHmac, type Hmac } from 'node:crypto';
import type { Request } from 'express';
import type { ApiContext } from '../../api/http/context';
import type { ProductImport } from '../../db/catalogue/product-imports';
import { isDuplicate } from '../../db/core/connect';
import { importReceived } from '../../domain/catalogue/product-import';
import type { RawRow } from '../../domain/catalogue/product-rows';
import type { Actor } from '../../domain/orders/order';
import { Failure } from '../../domain/shared/failures';
import { startImport } from '../../integrations/temporal/import-start';
import { newImportId } from '../orders/new-ids';
import { MAX_FILE_BYTES, readCsv } from './csv-file';

export interface ImportRequest {
  actor: Actor;
  idempotencyKey: string | undefined;
}

export interface ImportAnswer {
  found: ProductImport;
  /** The key had been used before, with this file. */
  replayed: boolean;
}

/**
 * Stores a file of products as it comes in and starts its import. Nothing of a file is applied before all of it is stored;
 * once it is, the import is started, if not by this process then by another one.
 * @throws Failure `malformed_csv`, `payload_too_large`, `idempotency_key_reused`, `upload_superseded`
 */
export async function receiveImport(
  ctx: ApiContext,
  req: Request,
  { actor, idempotencyKey }: ImportRequest,
): Promise<ImportAnswer> {
  const caller = actor.id ?? actor.kind;
  const earlier = await findEarlier(ctx, caller, idempotencyKey);
  if (earlier !== null) return again(ctx, req, earlier);
  const id = await open(ctx, { caller, idempotencyKey, actor });
  if (id === null) {
    const first = await findEarlier(ctx, caller, idempotencyKey);
    if (first === null) throw superseded();
    return again(ctx, req, first);
  }
  try {
    await store(ctx, req, id, actor);
  } catch (error) {
    await ctx.store.db.write((tx) => ctx.store.productImports.discard(id, tx));
    throw error;
  }
  return { found: await started(ctx, id), replayed: false };
}

const findEarlier = async (
  { store }: ApiContext,
  caller: string,
  idempotencyKey: string | undefined,
): Promise<ProductImport | null> =>
  idempotencyKey === undefined ? null : store.productImports.byKey(caller, idempotencyKey);

const superseded = (): Failure =>
  new Failure('upload_superseded', 'Another upload with this Idempotency-Key came in the meantime.');

/** @returns null when another upload with the key is complete by now. */
async function open(
  { store: { db, productImports }, priceRules }: ApiContext,
  upload: { caller: string; idempotencyKey: string | undefined; actor: Actor },
): Promise<string | null> {
  const atMs = Date.now();
  const id = newImportId(atMs);
  const { idempotencyKey = null, ...rest } = upload;
  try {
    const opened = { id, ...rest, idempotencyKey, currency: priceRules.currency, atMs };
    await db.write((tx) => productImports.open(opened, tx));
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
const CHUNKS_AT_ONCE = 8;

async function store(ctx: ApiContext, req: Request, id: string, actor: Actor): Promise<void> {
  const { db, log, productImports } = ctx.store;
  const hash = hashOfFile(ctx);
  let [columns, rows, chunks]: [string[], number, number] = [[], 0, 0];
  let waiting: RawRow[][] = [];
  const keep = async () => {
    await db.write(async (tx) => {
      for (const [n, some] of waiting.entries()) {
        if (!(await productImports.addChunk(id, chunks + n, some, Date.now(), tx))) throw superseded();
      }
    });
    chunks += waiting.length;
    waiting = [];
  };
  await readCsv(bytesOf(req, hash), {
    header(names) {
      columns = names;
    },
    async chunk(some) {
      rows += some.length;
      waiting.push(some);
      if (waiting.length === CHUNKS_AT_ONCE) await keep();
    },
  });
  if (waiting.length > 0) await keep();
  const file = { rows, chunks, bodyHash: hash.digest('hex') };
  await db.write(async (tx) => {
    const atMs = Date.now();
    if (!(await productImports.complete(id, { ...file, columns }, atMs, tx))) throw superseded();
    await log.append(await log.lock(id, tx), [importReceived(id, file, actor, atMs)], tx);
  });
}

/** The same request as before: its file is read to see that it is the same. */
async function again(ctx: ApiContext, req: Request, earlier: ProductImport): Promise<ImportAnswer> {
  const hash = hashOfFile(ctx);
  for await (const _ of bytesOf(req, hash));
  if (hash.digest('hex') !== earlier.bodyHash) {
    throw new Failure(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another file. A new file needs a new key.',
    );
  }
  return { found: await started(ctx, earlier.id), replayed: true };
}

/** What is stored is accepted: where it cannot be started now, that is made up for soon. */
async function started(ctx: ApiContext, id: string): Promise<ProductImport> {
  const { temporal, queues, log, store } = ctx;
  const before = await store.productImports.find(id);
  if (before === null) throw new Error(`import ${id} is stored and not found`);
  if (before.endedAtMs !== null) return before;
  await startImport(temporal, queues.orders, id).catch((error: unknown) =>
    log.warn({ err: error, importId: id }, 'the import will be started later'),
  );
  return before;
}

const hashOfFile = ({ fingerprintKey }: ApiContext): Hmac => createHmac('sha256', fingerprintKey);

/** The body as it comes. It is left open for the answer when reading it ends early. @throws Failure `payload_too_large` */
async function* bytesOf(req: Request, hash: Hmac): AsyncGenerator<Buffer> {
  if (Number(req.get('content-length') ?? 0) > MAX_FILE_BYTES) throw tooLarge();
  let bytes = 0;
  try {
    for await (const part of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > MAX_FILE_BYTES) throw tooLarge();
      hash.update(part);
      yield part;
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'ECONNRESET') throw error;
    throw new Failure('invalid_request', 'The request ended before its body did.');
  }
}

const tooLarge = (): Failure =>
  new Failure('payload_too_large', `A file has ${MAX_FILE_BYTES / 1024 / 1024} MB at the most.`);

import { ulid } from 'ulid';
import type { Store } from '../../../db/core/store';
import { productImportStarted } from '../../../domain/catalogue/product-import';
import { importId } from '../../../domain/shared/ids';

/** Stores a product file with SKUs `<prefix>-<n>`; its import is not started. @returns the import id. */
export async function createStoredImport(
  { db, log, productImports }: Store,
  prefix: string,
  { chunks, rowsOfChunk, price = '1.00' }: { chunks: number; rowsOfChunk: number; price?: string },
): Promise<string> {
  const atMs = Date.now();
  const id = importId(ulid(atMs));
  const upload = {
    id,
    actor: { kind: 'system' as const },
    currency: 'EUR',
    atMs,
  };
  const file = { rows: chunks * rowsOfChunk, chunks, bodyHash: 'x', columns: ['sku', 'name', 'price'] };
  await db.write(async (tx) => {
    await productImports.startUpload(upload, tx);
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      const rows = Array.from({ length: rowsOfChunk }, (_, i) => {
        const n = chunk * rowsOfChunk + i;
        return { line: n + 2, cells: [`${prefix}-${n}`, `Board ${n}`, price] };
      });
      await productImports.addChunk(id, chunk, rows, atMs, tx);
    }
    await productImports.completeUpload(id, file, atMs, tx);
    const { columns: _, ...payload } = file;
    await log.append(await log.lockHead(id, tx), [productImportStarted(id, payload, upload.actor, atMs)], tx);
  });
  return id;
}

import type { Request } from 'express';
import type { ProductImport } from '../../db/catalogue/product-imports';
import { AppError } from '../../domain/shared/errors';
import { isImportId } from '../../domain/shared/ids';
import { createProductImport, type ProductFile } from '../../services/catalogue/imports';
import { getActor } from '../http/auth';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/pagination';
import { parseIdempotencyKey, parseQuery } from '../http/parse-request';
import type { PolicyRouter } from '../http/router';
import { workflowUrl } from '../orders/serializers';
import { PageQuery } from './list-schemas';
import { importPath, toProductImportResponse } from './serializers';

/** Files of products: taken in here, applied by a workflow, watched here. */
export function addImportRoutes(ctx: ApiContext, { registerRoutes }: PolicyRouter): void {
  const { productImports } = ctx.store;
  const present = (found: ProductImport) =>
    toProductImportResponse(found, workflowUrl(ctx.temporalUiUrl, ctx.temporal.options.namespace, found.id));

  registerRoutes('/import', {
    post: async (req, res) => {
      const idempotencyKey = parseIdempotencyKey(req);
      assertCsvContentType(req);
      const answer = await createProductImport(ctx, toProductFile(req), {
        actor: getActor(req),
        idempotencyKey,
      });
      const { productImport, replayed } = answer;
      req.log.info(
        { importId: productImport.id, rows: productImport.rows, replayed },
        'file of products received',
      );
      if (replayed) res.set('Idempotent-Replayed', 'true');
      res.status(202).set('Location', importPath(productImport.id)).json(present(productImport));
    },
  });

  registerRoutes('/imports', {
    get: async (req, res) => {
      const { cursor, limit } = parseQuery(req, PageQuery);
      const after = cursor === undefined ? {} : { afterId: decodeCursor(cursor, isImportId) };
      const rows = await productImports.list({ ...after, limit: limit + 1 });
      res.json(toPage(rows, limit, (row) => row.id, present));
    },
  });

  registerRoutes('/imports/:id', {
    get: async (req, res) => {
      const { id } = req.params;
      const found = typeof id === 'string' && isImportId(id) ? await productImports.find(id) : null;
      if (found === null) throw new AppError('not_found', 'There is no such import.');
      res.json({ ...present(found), faults: await productImports.findErrors(found.id) });
    },
  });
}

const toProductFile = (req: Request): ProductFile => ({
  announcedBytes: Number(req.get('content-length') ?? 0),
  bytes: readBody(req),
});

/** The connection stays open for the response when reading stops early. @throws AppError `invalid_request` */
async function* readBody(req: Request): AsyncGenerator<Buffer> {
  try {
    yield* req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ECONNRESET') throw error;
    throw new AppError('invalid_request', 'The request ended before its body was complete.');
  }
}

/** @throws Failure `unsupported_media_type` */
function assertCsvContentType(req: Request): void {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(req.get('content-type') ?? '')?.[1]?.toLowerCase();
  const isPlain = (req.get('content-encoding') ?? 'identity') === 'identity';
  if (req.is('text/csv') === 'text/csv' && isPlain && (charset === undefined || charset === 'utf-8')) return;
  throw new AppError('unsupported_media_type', 'The body must be sent as text/csv in UTF-8, not compressed.');
}

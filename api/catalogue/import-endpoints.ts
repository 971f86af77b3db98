import type { Request } from 'express';
import type { ProductImport } from '../../db/catalogue/product-imports';
import { Failure } from '../../domain/shared/failures';
import { isImportId } from '../../domain/shared/ids';
import { receiveImport } from '../../services/catalogue/imports';
import { actorOf } from '../http/access';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/cursors';
import type { Routes } from '../http/methods';
import { readIdempotencyKey, readQuery } from '../http/read';
import { workflowUrl } from '../orders/serializers';
import { Page } from './list-schemas';
import { importPath, presentImport } from './serializers';

/** Files of products: taken in here, applied by a workflow, watched here. */
export function addImportRoutes(ctx: ApiContext, { methods }: Routes): void {
  const { productImports } = ctx.store;
  const present = (found: ProductImport) =>
    presentImport(found, workflowUrl(ctx.temporalUiUrl, ctx.temporal.options.namespace, found.id));

  methods('/import', {
    post: async (req, res) => {
      const idempotencyKey = readIdempotencyKey(req);
      assertCsv(req);
      const answer = await receiveImport(ctx, req, { actor: actorOf(req), idempotencyKey });
      const { found, replayed } = answer;
      req.log.info({ importId: found.id, rows: found.rows, replayed }, 'file of products received');
      if (replayed) res.set('Idempotent-Replayed', 'true');
      res.status(202).set('Location', importPath(found.id)).json(present(found));
    },
  });

  methods('/imports', {
    get: async (req, res) => {
      const { cursor, limit } = readQuery(req, Page);
      const after = cursor === undefined ? {} : { afterId: decodeCursor(cursor, isImportId) };
      const rows = await productImports.list({ ...after, limit: limit + 1 });
      res.json(toPage(rows, limit, (row) => row.id, present));
    },
  });

  methods('/imports/:id', {
    get: async (req, res) => {
      const { id } = req.params;
      const found = typeof id === 'string' && isImportId(id) ? await productImports.find(id) : null;
      if (found === null) throw new Failure('not_found', 'There is no such import.');
      res.json({ ...present(found), faults: await productImports.faults(found.id) });
    },
  });
}

/** @throws Failure `unsupported_media_type` */
function assertCsv(req: Request): void {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(req.get('content-type') ?? '')?.[1]?.toLowerCase();
  const isPlain = (req.get('content-encoding') ?? 'identity') === 'identity';
  if (req.is('text/csv') === 'text/csv' && isPlain && (charset === undefined || charset === 'utf-8')) return;
  throw new Failure('unsupported_media_type', 'The body must be sent as text/csv in UTF-8, not compressed.');
}

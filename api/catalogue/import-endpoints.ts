import type { Request } from 'express';
import type { ProductImport } from '../../db/catalogue/product-imports';
import { AppError } from '../../domain/shared/errors';
import { isImportId } from '../../domain/shared/ids';
import { createProductImport, type ProductFile } from '../../services/catalogue/imports';
import type { ApiContext } from '../http/context';
import { defineEndpoint, getCallLog } from '../http/endpoint';
import { jsonResponse, pageResponse } from '../http/openapi/responses';
import { z } from '../http/openapi/zod';
import { decodeCursor, PageQuery, toPage } from '../http/pagination';
import { optionalIdempotencyKey } from '../http/request-headers';
import { workflowUrl } from '../orders/serializers';
import { WRITE_CATALOGUE } from './endpoints';
import * as schema from './schemas';
import { importPath, toProductImportResponse } from './serializers';

const CSV_EXAMPLE = `sku,name,price,tax_class,weight_grams,attr.wood
walnut-desk,Walnut desk,419.00,standard,38000,walnut
oak-desk,Oak desk,389.00,standard,36000,oak
`;
const importNotFound = (): AppError => new AppError('not_found', 'This import does not exist.');

export const IMPORT_ENDPOINTS = [
  defineEndpoint({
    method: 'post',
    path: '/api/products/import',
    policy: WRITE_CATALOGUE,
    summary: 'Import products from a CSV file',
    description: [
      'The file is CSV (RFC 4180, UTF-8) of at most 100,000 rows and 32 MB. Its first row names the columns: `sku`, `name`,',
      '`price` (`419.00`, in the currency of the shop), `description`, `tax_class`, `weight_grams`, `image_url`, `active` and',
      '`attr.<name>`. Only `sku` is required; new products need a name and a price. Fields without a column are unchanged,',
      'products that are not in the file are unchanged, and an empty `attr.<name>` removes the attribute.',
      '\n\nThe file is stored first; an unreadable one is rejected with 400 and leaves nothing. A durable workflow then applies',
      'it in chunks of 500 rows. Invalid rows are skipped and reported by line (`faults`); the others are applied.',
    ].join(' '),
    tags: ['catalogue'],
    request: {
      headers: {
        idempotencyKey: optionalIdempotencyKey(
          'Repeating a request with the same key and file returns the same import. Of concurrent uploads with one key the first complete one is imported',
        ),
      },
      csv: z.string().openapi({ example: CSV_EXAMPLE }),
    },
    responses: {
      202: jsonResponse(
        schema.ProductImport,
        'The file is stored; read its progress at `Location`',
        'Location',
        'Idempotent-Replayed',
      ),
    },
    errors: ['upload_superseded'],
    async handler(call) {
      const { ctx, req, res, actor, headers } = call;
      const { productImport, replayed } = await createProductImport(ctx, toProductFile(req), {
        actor,
        idempotencyKey: headers.idempotencyKey,
      });
      const { id, rows } = productImport;
      getCallLog(call).info({ importId: id, rows, replayed }, 'product file received');
      if (replayed) res.set('Idempotent-Replayed', 'true');
      res.status(202).set('Location', importPath(id)).json(toResponse(ctx, productImport));
    },
  }),

  defineEndpoint({
    method: 'get',
    path: '/api/products/imports',
    policy: WRITE_CATALOGUE,
    summary: 'List product imports, newest first',
    tags: ['catalogue'],
    request: { query: PageQuery },
    responses: { 200: pageResponse(schema.ProductImport) },
    async handler({ ctx, res, query: { cursor, limit } }) {
      const rows = await ctx.store.productImports.list({
        ...(cursor === undefined ? {} : { afterId: decodeCursor(cursor, isImportId) }),
        limit: limit + 1,
      });
      res.json(
        toPage(
          rows,
          limit,
          ({ id }) => id,
          (row) => toResponse(ctx, row),
        ),
      );
    },
  }),

  defineEndpoint({
    method: 'get',
    path: '/api/products/imports/:id',
    policy: WRITE_CATALOGUE,
    summary: 'Retrieve a product import',
    description:
      'Returns the progress of the import and the first 1,000 invalid rows. Cancel an import by cancelling its workflow in Temporal: applied rows stay.',
    tags: ['catalogue'],
    request: {
      params: z.object({
        id: z
          .string()
          .regex(/^imp_[0-9A-HJKMNP-TV-Z]{26}$/)
          .openapi({ example: 'imp_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
      }),
    },
    notFound: importNotFound,
    responses: { 200: jsonResponse(schema.ProductImportDetail, 'The progress and the invalid rows') },
    async handler({ ctx, res, params }) {
      const { productImports } = ctx.store;
      const productImport = await productImports.find(params.id);
      if (productImport === null) throw importNotFound();
      const faults = await productImports.findErrors(productImport.id);
      res.json({ ...toResponse(ctx, productImport), faults });
    },
  }),
];

const toResponse = ({ temporalUiUrl, temporal }: ApiContext, productImport: ProductImport) =>
  toProductImportResponse(
    productImport,
    workflowUrl(temporalUiUrl, temporal.options.namespace, productImport.id),
  );

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

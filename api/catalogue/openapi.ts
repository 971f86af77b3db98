import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import {
  headerRefs,
  ifMatchHeader,
  jsonResponse,
  notModified,
  pageSchema,
  problemResponses,
} from '../http/openapi/responses';
import { sku } from '../orders/schemas';
import { PageQuery } from './list-schemas';
import * as product from './schemas';

const skuParam = z.object({ sku });
const importIdParam = z.object({
  id: z
    .string()
    .regex(/^imp_[0-9A-HJKMNP-TV-Z]{26}$/)
    .openapi({ example: 'imp_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
});
const CSV_EXAMPLE = `sku,name,price,tax_class,weight_grams,attr.wood
walnut-desk,Walnut desk,419.00,standard,38000,walnut
oak-desk,Oak desk,389.00,standard,36000,oak
`;

/** The description of the catalogue's addresses. */
export const PRODUCT_ROUTES: RouteConfig[] = [
  {
    method: 'get',
    path: '/api/products',
    summary: 'List products, by sku, or search them',
    description: 'With `q`, products that have all words, those with whole words first.',
    tags: ['catalogue'],
    request: { query: product.ListProductsQuery },
    responses: {
      200: jsonResponse(pageSchema(product.Product), 'A page'),
      ...problemResponses(
        'invalid_request',
        'invalid_cursor',
        'unauthenticated',
        'forbidden',
        'service_unavailable',
      ),
    },
  },
  {
    method: 'post',
    path: '/api/products',
    summary: 'Create a product',
    description: 'It has no stock yet. Its sku is never given to another product.',
    tags: ['catalogue'],
    request: {
      body: { required: true, content: { 'application/json': { schema: product.CreateProductRequest } } },
    },
    responses: {
      201: jsonResponse(product.Product, 'Created', 'ETag', 'Location'),
      ...problemResponses(
        'invalid_request',
        'malformed_json',
        'unauthenticated',
        'forbidden',
        'sku_taken',
        'payload_too_large',
        'unsupported_media_type',
        'service_unavailable',
      ),
    },
  },
  {
    method: 'post',
    path: '/api/products/import',
    summary: 'Import a file of products',
    description:
      'CSV (RFC 4180, UTF-8) of at most 100,000 rows and 32 MB; the first row names the columns. A durable workflow creates and updates products, chunk after chunk. What the file has no column for is left as it is.',
    tags: ['catalogue'],
    request: {
      headers: z.object({
        'idempotency-key': z.string().min(1).max(255).optional().openapi({
          description: 'The same key and file are one import, however often they are sent',
        }),
      }),
      body: {
        required: true,
        content: { 'text/csv': { schema: z.string().openapi({ example: CSV_EXAMPLE }) } },
      },
    },
    responses: {
      202: jsonResponse(
        product.ProductImport,
        'Stored; how it goes on is at `Location`',
        'Location',
        'Idempotent-Replayed',
      ),
      ...problemResponses(
        'invalid_request',
        'malformed_csv',
        'unauthenticated',
        'forbidden',
        'upload_superseded',
        'payload_too_large',
        'unsupported_media_type',
        'idempotency_key_reused',
        'service_unavailable',
      ),
    },
  },
  {
    method: 'get',
    path: '/api/products/imports',
    summary: 'List imports, newest first',
    tags: ['catalogue'],
    request: { query: PageQuery },
    responses: {
      200: jsonResponse(pageSchema(product.ProductImport), 'A page'),
      ...problemResponses(
        'invalid_request',
        'invalid_cursor',
        'unauthenticated',
        'forbidden',
        'service_unavailable',
      ),
    },
  },
  {
    method: 'get',
    path: '/api/products/imports/{id}',
    summary: 'Watch an import',
    tags: ['catalogue'],
    request: { params: importIdParam },
    responses: {
      200: jsonResponse(product.ProductImportDetail, 'How far it is, and the faults of its rows'),
      ...problemResponses('unauthenticated', 'forbidden', 'not_found', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/products/{sku}',
    summary: 'Read a product',
    tags: ['catalogue'],
    request: { params: skuParam, query: product.GetProductQuery },
    responses: {
      200: jsonResponse(product.Product, 'The product; its version is the ETag', 'ETag'),
      304: notModified('As `If-None-Match` has it'),
      ...problemResponses(
        'invalid_request',
        'unauthenticated',
        'forbidden',
        'not_found',
        'service_unavailable',
      ),
    },
  },
  {
    method: 'put',
    path: '/api/products/{sku}',
    summary: 'Replace what is said of a product',
    description: 'Fields that are left out get their defaults. Placed orders keep their prices.',
    tags: ['catalogue'],
    request: {
      params: skuParam,
      headers: ifMatchHeader,
      body: { required: true, content: { 'application/json': { schema: product.ReplaceProductRequest } } },
    },
    responses: {
      200: jsonResponse(product.Product, 'As it is now', 'ETag'),
      ...problemResponses(
        'invalid_request',
        'malformed_json',
        'unauthenticated',
        'forbidden',
        'not_found',
        'precondition_failed',
        'payload_too_large',
        'unsupported_media_type',
        'precondition_required',
        'service_unavailable',
      ),
    },
  },
  {
    method: 'delete',
    path: '/api/products/{sku}',
    summary: 'Stop selling a product',
    description: 'Orders refer to it, so it stays; it can be sold again.',
    tags: ['catalogue'],
    request: { params: skuParam, headers: ifMatchHeader },
    responses: {
      204: { description: 'It is not sold any more', headers: headerRefs(['ETag']) },
      ...problemResponses(
        'invalid_request',
        'unauthenticated',
        'forbidden',
        'not_found',
        'precondition_failed',
        'precondition_required',
        'service_unavailable',
      ),
    },
  },
];

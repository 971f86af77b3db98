import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { ifMatch, json, page, problems, referred, unchanged } from '../http/openapi-parts';
import { sku } from '../orders/schemas';
import { Page } from './list-schemas';
import * as product from './schemas';

const skuParam = z.object({ sku });
const importParam = z.object({
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
    request: { query: product.ListProducts },
    responses: {
      200: json(page(product.Product), 'A page'),
      ...problems('invalid_request', 'invalid_cursor', 'unauthenticated', 'forbidden', 'service_unavailable'),
    },
  },
  {
    method: 'post',
    path: '/api/products',
    summary: 'Create a product',
    description: 'It has no stock yet. Its sku is never given to another product.',
    tags: ['catalogue'],
    request: { body: { required: true, content: { 'application/json': { schema: product.CreateProduct } } } },
    responses: {
      201: json(product.Product, 'Created', 'ETag', 'Location'),
      ...problems(
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
      202: json(
        product.ProductImport,
        'Stored; how it goes on is at `Location`',
        'Location',
        'Idempotent-Replayed',
      ),
      ...problems(
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
    request: { query: Page },
    responses: {
      200: json(page(product.ProductImport), 'A page'),
      ...problems('invalid_request', 'invalid_cursor', 'unauthenticated', 'forbidden', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/products/imports/{id}',
    summary: 'Watch an import',
    tags: ['catalogue'],
    request: { params: importParam },
    responses: {
      200: json(product.ProductImportWithFaults, 'How far it is, and the faults of its rows'),
      ...problems('unauthenticated', 'forbidden', 'not_found', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/products/{sku}',
    summary: 'Read a product',
    tags: ['catalogue'],
    request: { params: skuParam, query: product.ReadProduct },
    responses: {
      200: json(product.Product, 'The product; its version is the ETag', 'ETag'),
      304: unchanged('As `If-None-Match` has it'),
      ...problems('invalid_request', 'unauthenticated', 'forbidden', 'not_found', 'service_unavailable'),
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
      headers: ifMatch,
      body: { required: true, content: { 'application/json': { schema: product.ReplaceProduct } } },
    },
    responses: {
      200: json(product.Product, 'As it is now', 'ETag'),
      ...problems(
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
    request: { params: skuParam, headers: ifMatch },
    responses: {
      204: { description: 'It is not sold any more', headers: referred(['ETag']) },
      ...problems(
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

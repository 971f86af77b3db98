import type { Response } from 'express';
import type { SearchPosition, VisibilityFilter } from '../../db/catalogue/products';
import type { Product } from '../../domain/catalogue/product';
import {
  extractTerms,
  MAX_QUERY_WORDS,
  type ProductQuery,
  parseProductQuery,
} from '../../domain/catalogue/search-terms';
import type { Principal } from '../../domain/shared/access';
import { AppError } from '../../domain/shared/errors';
import { isSku } from '../../domain/shared/ids';
import type { CachedPage } from '../../services/catalogue/page-cache';
import {
  createProduct,
  deactivateProduct,
  productNotFound,
  replaceProduct,
} from '../../services/catalogue/products';
import { authorize } from '../http/auth';
import type { ApiContext } from '../http/context';
import { defineEndpoint, definePolicy, EVERYONE } from '../http/endpoint';
import { sku } from '../http/field-schemas';
import { emptyResponse, jsonResponse, pageResponse } from '../http/openapi/responses';
import { z } from '../http/openapi/zod';
import { decodeCursor, type Page, toPage } from '../http/pagination';
import { ifMatch, toETag } from '../http/request-headers';
import { sendCachedPage, serializePage, serializeProduct } from './cached-responses';
import * as schema from './schemas';
import { productPath, toProductResponse } from './serializers';

export const WRITE_CATALOGUE = definePolicy({ admin: 'all' }, 'catalogue:write');

const skuParam = z.object({ sku });

const CACHING = [
  'Another API process serves a change at most a second later. Without credentials the response may be stored by shared',
  'caches for the time in `Cache-Control`; with credentials it is revalidated with `If-None-Match`.',
].join(' ');
const CACHE_HEADERS = ['ETag', 'Cache-Control', 'Vary'] as const;
const NOT_MODIFIED_PAGE = emptyResponse('Unchanged since the `ETag` in `If-None-Match`', ...CACHE_HEADERS);

/** Products. Everyone reads those that are sold; inactive ones are visible to callers that may change the catalogue. */
export const PRODUCT_ENDPOINTS = [
  defineEndpoint({
    method: 'get',
    path: '/api/products',
    policy: EVERYONE,
    summary: 'List products by SKU, or search them',
    description: [
      'With `q`, returns the products in which every word of the query begins a word of the name, SKU, attribute values or',
      'description. Case and accents are ignored. Matches of complete words come first, then products are sorted by SKU.',
      'A query has at most 8 words. Inactive products require permission to change the catalogue.',
      CACHING,
    ].join(' '),
    tags: ['catalogue'],
    request: { query: schema.ListProductsQuery },
    responses: { 200: pageResponse(schema.Product, ...CACHE_HEADERS), 304: NOT_MODIFIED_PAGE },
    errors: ['unauthenticated', 'forbidden'],
    async handler(call) {
      const { ctx, access, query } = call;
      const visibility = resolveVisibility(access.principal, query.active);
      const words = query.q === undefined ? null : parseSearchQuery(query.q);
      const options = { visibility, cursor: query.cursor, limit: query.limit };
      const load = async () =>
        serializePage(words === null ? await listBySku(ctx, options) : await search(ctx, words, options));
      const key = JSON.stringify([words, query.cursor, query.limit]);
      sendCachedPage(call, await readCached(ctx, visibility, key, load));
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/products',
    policy: WRITE_CATALOGUE,
    summary: 'Create a product',
    description: 'The product has no stock yet. A SKU is never reused for another product.',
    tags: ['catalogue'],
    request: { body: schema.CreateProductRequest },
    responses: { 201: jsonResponse(schema.Product, 'The new product', 'ETag', 'Location') },
    errors: ['sku_taken'],
    async handler({ ctx, res, actor, body: { sku, ...data } }) {
      const product = await createProduct(ctx, sku, data, actor);
      sendProduct(res.status(201).set('Location', productPath(sku)), product);
    },
  }),

  defineEndpoint({
    method: 'get',
    path: '/api/products/:sku',
    policy: EVERYONE,
    summary: 'Retrieve a product',
    description: CACHING,
    tags: ['catalogue'],
    request: { query: schema.GetProductQuery, params: skuParam },
    notFound: productNotFound,
    responses: {
      200: jsonResponse(schema.Product, 'The product; its version is the `ETag`', ...CACHE_HEADERS),
      304: NOT_MODIFIED_PAGE,
    },
    errors: ['unauthenticated', 'forbidden'],
    async handler(call) {
      const { ctx, access, query, params } = call;
      const visibility = resolveVisibility(access.principal, query.active);
      const load = async () => {
        const product = await ctx.store.products.find(params.sku);
        const isFound =
          product !== null && (visibility === 'all' || product.active === (visibility === 'active'));
        return isFound ? serializeProduct(product) : null;
      };
      const page = await readCached(ctx, visibility, params.sku, load);
      if (page === null) throw productNotFound();
      sendCachedPage(call, page);
    },
  }),

  defineEndpoint({
    method: 'put',
    path: '/api/products/:sku',
    policy: WRITE_CATALOGUE,
    summary: 'Replace a product',
    description: [
      'Omitted fields get their defaults. Placed orders keep their name and price. A request that changes nothing creates no',
      'new version. `"active": true` sells a deactivated product again.',
    ].join(' '),
    tags: ['catalogue'],
    request: { headers: { ifMatch }, body: schema.ReplaceProductRequest, params: skuParam },
    notFound: productNotFound,
    responses: { 200: jsonResponse(schema.Product, 'The replaced product', 'ETag') },
    async handler({ ctx, res, headers, params, body, actor }) {
      sendProduct(res, await replaceProduct(ctx, params.sku, body, headers.ifMatch, actor));
    },
  }),

  defineEndpoint({
    method: 'delete',
    path: '/api/products/:sku',
    policy: WRITE_CATALOGUE,
    summary: 'Deactivate a product',
    description:
      'The product is not sold any more. It stays stored, because orders refer to it, and can be sold again.',
    tags: ['catalogue'],
    request: { headers: { ifMatch }, params: skuParam },
    notFound: productNotFound,
    responses: { 204: emptyResponse('The product is not sold any more', 'ETag') },
    async handler({ ctx, res, headers, params, actor }) {
      const { version } = await deactivateProduct(ctx, params.sku, headers.ifMatch, actor);
      res.status(204).set('ETag', toETag(version)).end();
    },
  }),
];

interface ProductListOptions {
  visibility: VisibilityFilter;
  cursor: string | undefined;
  limit: number;
}

async function listBySku(
  { store }: ApiContext,
  { visibility, cursor, limit }: ProductListOptions,
): Promise<Page<schema.Product>> {
  const after = cursor === undefined ? {} : { afterSku: decodeCursor(cursor, isSku) };
  const rows = await store.products.list({ ...after, visibility, limit: limit + 1 });
  return toPage(rows, limit, (row) => row.sku, toProductResponse);
}

async function search(
  { store }: ApiContext,
  query: ProductQuery,
  { visibility, cursor, limit }: ProductListOptions,
): Promise<Page<schema.Product>> {
  const after = cursor === undefined ? {} : { after: parseSearchCursor(query, cursor) };
  const rows = await store.products.search(query, { ...after, visibility, limit: limit + 1 });
  return toPage(
    rows,
    limit,
    ({ driving, term, sku }) => JSON.stringify([driving, term, sku]),
    toProductResponse,
  );
}

/** Only what every caller sees is shared: pages with inactive products are read each time. */
const readCached = <P extends CachedPage | null>(
  { catalogueCache }: ApiContext,
  visibility: VisibilityFilter,
  key: string,
  load: () => Promise<P>,
): Promise<P> => (visibility === 'active' ? catalogueCache.get(key, load) : load());

const sendProduct = (res: Response, product: Product): void => {
  res.set('ETag', toETag(product.version)).json(toProductResponse(product));
};

/** @throws AppError `unauthenticated`, `forbidden` when inactive products require more permission than the caller has. */
function resolveVisibility(principal: Principal, active: 'true' | 'false' | 'all'): VisibilityFilter {
  if (active === 'true') return 'active';
  authorize(principal, WRITE_CATALOGUE);
  return active === 'all' ? 'all' : 'inactive';
}

/** @throws AppError `invalid_request` */
function parseSearchQuery(q: string): ProductQuery {
  const query = parseProductQuery(q);
  if (query !== null) return query;
  throw new AppError('invalid_request', 'The search query is not valid.', {
    errors: [{ pointer: 'q', detail: `must have 1 to ${MAX_QUERY_WORDS} words of letters and digits` }],
  });
}

/** @throws AppError `invalid_cursor` unless it is the end of a page of this query. */
function parseSearchCursor(query: ProductQuery, cursor: string): SearchPosition {
  const key = decodeCursor(cursor, (text) => isSearchPosition(text, query));
  const [driving, term, sku] = JSON.parse(key) as [string, string, string];
  return { driving, term, sku };
}

function isSearchPosition(key: string, query: ProductQuery): boolean {
  const [, driving, term, sku] = /^\["([^"\\]+)","([^"\\]+)","([^"\\]+)"\]$/.exec(key) ?? [];
  if (driving === undefined || term === undefined || sku === undefined || !isSku(sku)) return false;
  return query.includes(driving) && extractTerms(term)[0] === term && term.startsWith(driving);
}

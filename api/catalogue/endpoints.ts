import type { Request, Response, Router } from 'express';
import type { SearchPosition, VisibilityFilter } from '../../db/catalogue/products';
import type { Product } from '../../domain/catalogue/product';
import {
  extractTerms,
  MAX_QUERY_WORDS,
  type ProductQuery,
  parseProductQuery,
} from '../../domain/catalogue/search-terms';
import { AppError } from '../../domain/shared/errors';
import { isSku } from '../../domain/shared/ids';
import {
  createProduct,
  deactivateProduct,
  productNotFound,
  replaceProduct,
} from '../../services/catalogue/products';
import { authorize, getActor } from '../http/auth';
import type { ApiContext } from '../http/context';
import { decodeCursor, type Page, toPage } from '../http/pagination';
import { parseBody, parseQuery } from '../http/parse-request';
import { POLICIES } from '../http/policies';
import { parseIfMatch, toETag } from '../http/request-headers';
import { createRouter } from '../http/router';
import { addImportRoutes } from './import-endpoints';
import type * as schema from './schemas';
import { CreateProductRequest, GetProductQuery, ListProductsQuery, ReplaceProductRequest } from './schemas';
import { productPath, toProductResponse } from './serializers';

/** The catalogue: everybody reads what is sold, those who maintain it read and change all. */
export function productRoutes(ctx: ApiContext): Router {
  const { products } = ctx.store;
  const routes = createRouter('/api/products');

  routes.registerRoutes('/', {
    get: async (req, res) => {
      const { q, cursor, limit, active } = parseQuery(req, ListProductsQuery);
      const request = { visibility: resolveVisibility(req, active), cursor, limit };
      res.json(q === undefined ? await bySku(request) : await byWords(parseSearchQuery(q), request));
    },

    post: async (req, res) => {
      const { sku, ...body } = parseBody(req, CreateProductRequest);
      const product = await createProduct(ctx, sku, body, getActor(req));
      res.status(201).set('Location', productPath(sku));
      sendProduct(res, product);
    },
  });

  addImportRoutes(ctx, routes);

  routes.registerRoutes('/:sku', {
    get: async (req, res) => {
      const visibility = resolveVisibility(req, parseQuery(req, GetProductQuery).active);
      const product = await products.find(parseSku(req));
      if (product === null || (visibility !== 'all' && product.active !== (visibility === 'active'))) {
        throw productNotFound();
      }
      sendProduct(res, product);
    },

    put: async (req, res) => {
      const seen = parseIfMatch(req);
      const body = parseBody(req, ReplaceProductRequest);
      sendProduct(res, await replaceProduct(ctx, parseSku(req), body, seen, getActor(req)));
    },

    delete: async (req, res) => {
      const seen = parseIfMatch(req);
      const { version } = await deactivateProduct(ctx, parseSku(req), seen, getActor(req));
      res.status(204).set('ETag', toETag(version)).end();
    },
  });

  /** One product more than the page has room for: it tells whether there is a next page. */
  async function bySku({ visibility, cursor, limit }: ProductListOptions): Promise<Page<schema.Product>> {
    const after = cursor === undefined ? {} : { afterSku: decodeCursor(cursor, isSku) };
    const rows = await products.list({ ...after, visibility, limit: limit + 1 });
    return toPage(rows, limit, (row) => row.sku, toProductResponse);
  }

  async function byWords(
    query: ProductQuery,
    { visibility, cursor, limit }: ProductListOptions,
  ): Promise<Page<schema.Product>> {
    const after = cursor === undefined ? {} : { after: parseSearchCursor(query, cursor) };
    const rows = await products.search(query, { ...after, visibility, limit: limit + 1 });
    return toPage(
      rows,
      limit,
      ({ driving, term, sku }) => JSON.stringify([driving, term, sku]),
      toProductResponse,
    );
  }

  return routes.router;
}

interface ProductListOptions {
  visibility: VisibilityFilter;
  cursor: string | undefined;
  limit: number;
}

const sendProduct = (res: Response, product: Product): void => {
  res.set('ETag', toETag(product.version)).json(toProductResponse(product));
};

/** @throws Failure `unauthenticated`, `forbidden` for who asks for more than is sold and may not change it. */
function resolveVisibility(req: Request, active: 'true' | 'false' | 'all'): VisibilityFilter {
  if (active === 'true') return 'active';
  authorize(req, POLICIES['POST /api/products']);
  return active === 'all' ? 'all' : 'inactive';
}

/** @throws Failure `not_found`: what cannot be a sku is a product that does not exist. */
function parseSku(req: Request): string {
  const { sku } = req.params;
  if (typeof sku !== 'string' || !isSku(sku)) throw productNotFound();
  return sku;
}

/** @throws Failure `invalid_request` */
function parseSearchQuery(q: string): ProductQuery {
  const query = parseProductQuery(q);
  if (query !== null) return query;
  throw new AppError('invalid_request', 'The query is not valid.', {
    errors: [{ pointer: 'q', detail: `must have 1 to ${MAX_QUERY_WORDS} words of letters and digits` }],
  });
}

/** @throws Failure `invalid_cursor` for a place where no page of this search ends. */
function parseSearchCursor(words: ProductQuery, cursor: string): SearchPosition {
  const key = decodeCursor(cursor, (text) => isSearchPosition(text, words));
  const [driving, term, sku] = JSON.parse(key) as [string, string, string];
  return { driving, term, sku };
}

function isSearchPosition(key: string, words: ProductQuery): boolean {
  const [, driving, term, sku] = /^\["([^"\\]+)","([^"\\]+)","([^"\\]+)"\]$/.exec(key) ?? [];
  if (driving === undefined || term === undefined || sku === undefined || !isSku(sku)) return false;
  return words.includes(driving) && extractTerms(term)[0] === term && term.startsWith(driving);
}

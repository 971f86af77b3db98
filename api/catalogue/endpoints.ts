import type { Request, Response, Router } from 'express';
import type { Shown, TermPosition } from '../../db/catalogue/products';
import type { Product } from '../../domain/catalogue/product';
import {
  MAX_QUERY_WORDS,
  type ProductQuery,
  readProductQuery,
  termsOf,
} from '../../domain/catalogue/search-terms';
import { Failure } from '../../domain/shared/failures';
import { isSku } from '../../domain/shared/ids';
import {
  createProduct,
  deactivateProduct,
  noSuchProduct,
  replaceProduct,
} from '../../services/catalogue/products';
import { actorOf, allow } from '../http/access';
import type { ApiContext } from '../http/context';
import { decodeCursor, type Page, toPage } from '../http/cursors';
import { etagOf, readIfMatch } from '../http/if-match';
import { newRoutes } from '../http/methods';
import { POLICIES } from '../http/policies';
import { readBody, readQuery } from '../http/read';
import { addImportRoutes } from './import-endpoints';
import type * as schema from './schemas';
import { CreateProduct, ListProducts, ReadProduct, ReplaceProduct } from './schemas';
import { presentProduct, productPath } from './serializers';

/** The catalogue: everybody reads what is sold, those who maintain it read and change all. */
export function productRoutes(ctx: ApiContext): Router {
  const { products } = ctx.store;
  const routes = newRoutes('/api/products');

  routes.methods('/', {
    get: async (req, res) => {
      const { q, cursor, limit, active } = readQuery(req, ListProducts);
      const request = { shown: shownTo(req, active), cursor, limit };
      res.json(q === undefined ? await bySku(request) : await byWords(readWords(q), request));
    },

    post: async (req, res) => {
      const { sku, ...body } = readBody(req, CreateProduct);
      const product = await createProduct(ctx, sku, body, actorOf(req));
      res.status(201).set('Location', productPath(sku));
      send(res, product);
    },
  });

  addImportRoutes(ctx, routes);

  routes.methods('/:sku', {
    get: async (req, res) => {
      const shown = shownTo(req, readQuery(req, ReadProduct).active);
      const product = await products.find(readSku(req));
      if (product === null || (shown !== 'all' && product.active !== (shown === 'active'))) {
        throw noSuchProduct();
      }
      send(res, product);
    },

    put: async (req, res) => {
      const seen = readIfMatch(req);
      const body = readBody(req, ReplaceProduct);
      send(res, await replaceProduct(ctx, readSku(req), body, seen, actorOf(req)));
    },

    delete: async (req, res) => {
      const seen = readIfMatch(req);
      const { version } = await deactivateProduct(ctx, readSku(req), seen, actorOf(req));
      res.status(204).set('ETag', etagOf(version)).end();
    },
  });

  /** One product more than the page has room for: it tells whether there is a next page. */
  async function bySku({ shown, cursor, limit }: Listing): Promise<Page<schema.Product>> {
    const after = cursor === undefined ? {} : { afterSku: decodeCursor(cursor, isSku) };
    const rows = await products.list({ ...after, shown, limit: limit + 1 });
    return toPage(rows, limit, (row) => row.sku, presentProduct);
  }

  async function byWords(
    query: ProductQuery,
    { shown, cursor, limit }: Listing,
  ): Promise<Page<schema.Product>> {
    const after = cursor === undefined ? {} : { after: positionIn(query, cursor) };
    const rows = await products.search(query, { ...after, shown, limit: limit + 1 });
    return toPage(
      rows,
      limit,
      ({ driving, term, sku }) => JSON.stringify([driving, term, sku]),
      presentProduct,
    );
  }

  return routes.router;
}

interface Listing {
  shown: Shown;
  cursor: string | undefined;
  limit: number;
}

const send = (res: Response, product: Product): void => {
  res.set('ETag', etagOf(product.version)).json(presentProduct(product));
};

/** @throws Failure `unauthenticated`, `forbidden` for who asks for more than is sold and may not change it. */
function shownTo(req: Request, active: 'true' | 'false' | 'all'): Shown {
  if (active === 'true') return 'active';
  allow(req, POLICIES['POST /api/products']);
  return active === 'all' ? 'all' : 'inactive';
}

/** @throws Failure `not_found`: what cannot be a sku is a product that does not exist. */
function readSku(req: Request): string {
  const { sku } = req.params;
  if (typeof sku !== 'string' || !isSku(sku)) throw noSuchProduct();
  return sku;
}

/** @throws Failure `invalid_request` */
function readWords(q: string): ProductQuery {
  const query = readProductQuery(q);
  if (query !== null) return query;
  throw new Failure('invalid_request', 'The query is not valid.', {
    errors: [{ pointer: 'q', detail: `must have 1 to ${MAX_QUERY_WORDS} words of letters and digits` }],
  });
}

/** @throws Failure `invalid_cursor` for a place where no page of this search ends. */
function positionIn(words: ProductQuery, cursor: string): TermPosition {
  const key = decodeCursor(cursor, (text) => isPosition(text, words));
  const [driving, term, sku] = JSON.parse(key) as [string, string, string];
  return { driving, term, sku };
}

function isPosition(key: string, words: ProductQuery): boolean {
  const [, driving, term, sku] = /^\["([^"\\]+)","([^"\\]+)","([^"\\]+)"\]$/.exec(key) ?? [];
  if (driving === undefined || term === undefined || sku === undefined || !isSku(sku)) return false;
  return words.includes(driving) && termsOf(term)[0] === term && term.startsWith(driving);
}

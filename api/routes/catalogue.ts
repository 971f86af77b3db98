import type { Request, Router } from 'express';
import type { Product as StoredProduct } from '../../db/products';
import type { Store } from '../../db/store';
import { Failure } from '../../domain/failures';
import { money } from '../../domain/money';
import type { ApiContext } from '../context';
import { decodeCursor, toPage } from '../cursors';
import { newRoutes } from '../methods';
import { readQuery } from '../read';
import { Page } from '../schemas/catalogue';
import { sku as skuSchema } from '../schemas/order';

/** One product more than the page has room for: it tells whether there is a next page. */
async function readProducts(store: Store, req: Request): Promise<{ rows: StoredProduct[]; limit: number }> {
  const { cursor, limit } = readQuery(req, Page);
  const rows = await store.products.list({
    ...(cursor === undefined ? {} : { afterSku: decodeCursor(cursor, isSku) }),
    limit: limit + 1,
  });
  return { rows, limit };
}

const isSku = (value: unknown): value is string => skuSchema.safeParse(value).success;
const noSuchProduct = () => new Failure('not_found', 'There is no such product.');

export function productRoutes({ store }: ApiContext): Router {
  const { router, methods } = newRoutes('/api/products');
  methods('/', {
    get: async (req, res) => {
      const { rows, limit } = await readProducts(store, req);
      res.json(toPage(rows, limit, (row) => row.sku, presentProduct));
    },
  });
  methods('/:sku', {
    get: async (req, res) => {
      const { sku } = req.params;
      const [product] = isSku(sku) ? await store.products.bySkus([sku]) : [];
      if (product === undefined) throw noSuchProduct();
      res.json(presentProduct(product));
    },
  });
  return router;
}

const presentProduct = (p: StoredProduct) => ({
  sku: p.sku,
  name: p.name,
  description: p.description,
  price: money(p.unitPriceMinor, p.currency),
  taxClass: p.taxClass,
  weightGrams: p.weightGrams,
});

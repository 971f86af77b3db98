import type { Request, Router } from 'express';
import type { Store } from '../../db/store';
import type { StockLevel } from '../../domain/allocation';
import { groupBy } from '../../domain/group-by';
import type { Product } from '../../domain/product';
import type { ApiContext } from '../context';
import { decodeCursor, toPage } from '../cursors';
import { newRoutes } from '../methods';
import { noSuchProduct } from '../products';
import { readQuery } from '../read';
import { type InventoryItem, Page } from '../schemas/catalogue';
import { sku as skuSchema } from '../schemas/order';

/** One product more than the page has room for: it tells whether there is a next page. */
async function readProducts(store: Store, req: Request): Promise<{ rows: Product[]; limit: number }> {
  const { cursor, limit } = readQuery(req, Page);
  const rows = await store.products.list({
    ...(cursor === undefined ? {} : { afterSku: decodeCursor(cursor, isSku) }),
    limit: limit + 1,
  });
  return { rows, limit };
}

const isSku = (value: unknown): value is string => skuSchema.safeParse(value).success;

export function inventoryRoutes({ store }: ApiContext): Router {
  const { router, methods } = newRoutes('/api/inventory');
  methods('/', {
    get: async (req, res) => {
      const { rows, limit } = await readProducts(store, req);
      const levels = groupBy(await store.stock.levels(rows.map((r) => r.sku)), (l) => l.sku);
      res.json(
        toPage(
          rows,
          limit,
          (row) => row.sku,
          (row) => presentStock(row.sku, levels.get(row.sku) ?? []),
        ),
      );
    },
  });
  methods('/:sku', {
    get: async (req, res) => {
      const { sku } = req.params;
      const levels = isSku(sku) ? await store.stock.levels([sku]) : [];
      if (!isSku(sku) || levels.length === 0) throw noSuchProduct();
      res.json(presentStock(sku, levels));
    },
  });
  return router;
}

function presentStock(sku: string, levels: readonly StockLevel[]): InventoryItem {
  const sum = (of: (l: StockLevel) => number) => levels.reduce((total, l) => total + of(l), 0);
  const onHand = sum((l) => l.onHand);
  const reserved = sum((l) => l.reserved);
  return {
    sku,
    onHand,
    reserved,
    available: onHand - reserved,
    warehouses: levels.map((l) => ({
      code: l.warehouse,
      onHand: l.onHand,
      reserved: l.reserved,
      available: l.onHand - l.reserved,
    })),
  };
}

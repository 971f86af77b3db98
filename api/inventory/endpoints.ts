import { ulid } from 'ulid';
import { emptyStockItem } from '../../db/inventory/stock-items';
import { isSku } from '../../domain/shared/ids';
import { productNotFound } from '../../services/catalogue/products';
import { adjustStock } from '../../services/inventory/adjustments';
import { setThreshold } from '../../services/inventory/thresholds';
import { hashRequest } from '../../services/shared/idempotency';
import { auditContext } from '../http/auth';
import { defineEndpoint, definePolicy } from '../http/endpoint';
import { sku } from '../http/field-schemas';
import { jsonResponse, pageResponse } from '../http/openapi/responses';
import { z } from '../http/openapi/zod';
import { decodeCursor, PageQuery, toPage } from '../http/pagination';
import { requiredIdempotencyKey } from '../http/request-headers';
import * as schema from './schemas';
import {
  toInventoryItemResponse,
  toLowStockItemResponse,
  toStockAdjustmentResponse,
  toStockMovementResponse,
} from './serializers';

export const READ_INVENTORY = definePolicy(
  { support: 'all', warehouse: 'all', admin: 'all' },
  'inventory:read',
);
export const WRITE_INVENTORY = definePolicy({ warehouse: 'all', admin: 'all' }, 'inventory:write');

const skuParam = z.object({ sku });

export const INVENTORY_ENDPOINTS = [
  defineEndpoint({
    method: 'get',
    path: '/api/inventory',
    policy: READ_INVENTORY,
    summary: 'List stock by SKU',
    description:
      'Returns the units on hand, reserved and available of each product, in total and by warehouse. Units in inactive warehouses are not available.',
    tags: ['inventory'],
    request: { query: PageQuery },
    responses: { 200: pageResponse(schema.InventoryItem) },
    async handler({ ctx, res, query: { cursor, limit } }) {
      const rows = await ctx.store.stockItems.list({
        ...(cursor === undefined ? {} : { afterSku: decodeCursor(cursor, isSku) }),
        limit: limit + 1,
      });
      res.json(toPage(rows, limit, (row) => row.sku, toInventoryItemResponse));
    },
  }),

  defineEndpoint({
    method: 'get',
    path: '/api/inventory/low',
    policy: READ_INVENTORY,
    summary: 'List products with low stock, longest first',
    description: 'A product is low when its available units are at its threshold or below.',
    tags: ['inventory'],
    request: { query: PageQuery },
    responses: { 200: pageResponse(schema.LowStockItem) },
    async handler({ ctx, res, query: { cursor, limit } }) {
      const rows = await ctx.store.stockItems.listLow({
        ...(cursor === undefined ? {} : { after: parseLowStockKey(decodeCursor(cursor, isLowStockKey)) }),
        limit: limit + 1,
      });
      res.json(toPage(rows, limit, (row) => `${row.lowSinceMs}:${row.sku}`, toLowStockItemResponse));
    },
  }),

  defineEndpoint({
    method: 'get',
    path: '/api/inventory/:sku',
    policy: READ_INVENTORY,
    summary: 'Retrieve the stock of a product',
    tags: ['inventory'],
    request: { params: skuParam },
    notFound: productNotFound,
    responses: { 200: jsonResponse(schema.InventoryItem, 'The stock of the product') },
    async handler({ ctx: { store }, res, params }) {
      const [item] = await store.stockItems.find([params.sku]);
      if (item === undefined && !(await store.products.exists(params.sku))) throw productNotFound();
      res.json(toInventoryItemResponse(item ?? emptyStockItem(params.sku)));
    },
  }),

  defineEndpoint({
    method: 'get',
    path: '/api/inventory/:sku/movements',
    policy: READ_INVENTORY,
    summary: 'List the stock movements of a product, newest first',
    description:
      'Movements change the units on hand: the opening balance and every adjustment. Orders change only the reserved units.',
    tags: ['inventory'],
    request: { params: skuParam, query: PageQuery },
    notFound: productNotFound,
    responses: { 200: pageResponse(schema.StockMovement) },
    async handler({ ctx: { store }, res, params, query: { cursor, limit } }) {
      const rows = await store.movements.list({
        sku: params.sku,
        ...(cursor === undefined ? {} : { before: Number(decodeCursor(cursor, isMovementPosition)) }),
        limit: limit + 1,
      });
      if (rows.length === 0 && !(await store.products.exists(params.sku))) throw productNotFound();
      res.json(toPage(rows, limit, ({ position }) => String(position), toStockMovementResponse));
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/inventory/:sku/adjustments',
    policy: WRITE_INVENTORY,
    summary: 'Adjust the units on hand of a product in a warehouse',
    description: [
      'Adds or removes units (`delta`), or sets the counted units (`countedOnHand`). The units on hand cannot fall below the',
      'reserved units: that returns 409 `stock_reserved` with the current levels, also for a count. The first adjustment in a',
      'warehouse creates the stock level there. Returns the movement and the level after it.',
    ].join(' '),
    tags: ['inventory'],
    request: {
      params: skuParam,
      headers: {
        idempotencyKey: requiredIdempotencyKey(
          'Repeating a request with the same key and body returns the same adjustment and applies it once',
          'delivery-4711',
        ),
      },
      body: schema.AdjustStockRequest,
    },
    notFound: productNotFound,
    responses: {
      201: jsonResponse(
        schema.StockAdjustmentResult,
        'The adjustment, applied by this or an earlier request with the key',
        'Idempotent-Replayed',
      ),
    },
    errors: ['unknown_warehouse', 'stock_reserved'],
    async handler({ ctx: { store, fingerprintKey }, res, actor, params: { sku }, headers, body }) {
      if (actor.id === undefined) throw new Error(`the policy admits a ${actor.kind} without an id`);
      const bodyHash = hashRequest(fingerprintKey, { sku, body });
      const audit = auditContext(actor);
      const result = await adjustStock(
        store,
        ulid(audit.atMs),
        { ...body, sku, change: toOnHandChange(body), note: body.note ?? null },
        { caller: actor.id, idempotencyKey: headers.idempotencyKey, bodyHash },
        audit,
      );
      if (result.replayed) res.set('Idempotent-Replayed', 'true');
      res.status(201).json(toStockAdjustmentResponse(result));
    },
  }),

  defineEndpoint({
    method: 'put',
    path: '/api/inventory/:sku/threshold',
    policy: WRITE_INVENTORY,
    summary: 'Set the low-stock threshold of a product',
    description: [
      'The product is low at this many available units or fewer; `null` disables the alert. `InventoryLow` is emitted once',
      'when the product becomes low, `InventoryReplenished` once when it is not low any more.',
    ].join(' '),
    tags: ['inventory'],
    request: { params: skuParam, body: schema.SetThresholdRequest },
    notFound: productNotFound,
    responses: { 200: jsonResponse(schema.InventoryItem, 'The stock with the new threshold') },
    async handler({ ctx, res, params, body, actor }) {
      const item = await setThreshold(ctx.store, params.sku, body.threshold, auditContext(actor));
      res.json(toInventoryItemResponse(item));
    },
  }),
];

const toOnHandChange = ({ delta, countedOnHand = 0 }: schema.AdjustStockRequest) =>
  delta === undefined ? { countedOnHand } : { delta };

const isMovementPosition = (key: string): boolean => /^[1-9]\d{0,14}$/.test(key);
const isLowStockKey = (key: string): boolean => {
  const [ms = '', sku = ''] = key.split(':');
  return isMovementPosition(ms) && isSku(sku);
};
const parseLowStockKey = (key: string) => {
  const [ms = '', sku = ''] = key.split(':');
  return { lowSinceMs: Number(ms), sku };
};

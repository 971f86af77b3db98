import { createHmac } from 'node:crypto';
import type { Request, Router } from 'express';
import { ulid } from 'ulid';
import { emptyStockItem } from '../../db/inventory/stock-items';
import { canonicalJson } from '../../domain/shared/canonical-json';
import { AppError } from '../../domain/shared/errors';
import { adjustStock } from '../../services/inventory/adjustments';
import { setThreshold } from '../../services/inventory/thresholds';
import { PageQuery } from '../catalogue/list-schemas';
import { auditContext, getActor } from '../http/auth';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/pagination';
import { parseBody, parseIdempotencyKey, parseQuery } from '../http/parse-request';
import { createRouter } from '../http/router';
import { sku as skuSchema } from '../orders/schemas';
import { AdjustStockRequest, SetThresholdRequest } from './schemas';
import {
  toInventoryItemResponse,
  toLowStockItemResponse,
  toStockAdjustmentResponse,
  toStockMovementResponse,
} from './serializers';

/** Stock as staff see it and work with it. */
export function inventoryRoutes({ store, fingerprintKey }: ApiContext): Router {
  const { router, registerRoutes } = createRouter('/api/inventory');

  registerRoutes('/', {
    get: async (req, res) => {
      const { cursor, limit } = parseQuery(req, PageQuery);
      const rows = await store.stockItems.list({
        ...(cursor === undefined ? {} : { afterSku: decodeCursor(cursor, isSku) }),
        limit: limit + 1,
      });
      res.json(toPage(rows, limit, ({ sku }) => sku, toInventoryItemResponse));
    },
  });

  registerRoutes('/low', {
    get: async (req, res) => {
      const { cursor, limit } = parseQuery(req, PageQuery);
      const rows = await store.stockItems.listLow({
        ...(cursor === undefined ? {} : { after: parseLowStockKey(decodeCursor(cursor, isLowStockKey)) }),
        limit: limit + 1,
      });
      res.json(toPage(rows, limit, ({ lowSinceMs, sku }) => `${lowSinceMs}:${sku}`, toLowStockItemResponse));
    },
  });

  registerRoutes('/:sku', {
    get: async (req, res) => {
      const sku = parseSku(req);
      const [item] = await store.stockItems.find([sku]);
      if (item === undefined && !(await store.products.exists(sku))) throw productNotFound();
      res.json(toInventoryItemResponse(item ?? emptyStockItem(sku)));
    },
  });

  registerRoutes('/:sku/movements', {
    get: async (req, res) => {
      const sku = parseSku(req);
      const { cursor, limit } = parseQuery(req, PageQuery);
      const rows = await store.movements.list({
        sku,
        ...(cursor === undefined ? {} : { before: Number(decodeCursor(cursor, isMovementPosition)) }),
        limit: limit + 1,
      });
      if (rows.length === 0 && !(await store.products.exists(sku))) throw productNotFound();
      res.json(toPage(rows, limit, ({ position }) => String(position), toStockMovementResponse));
    },
  });

  registerRoutes('/:sku/adjustments', {
    post: async (req, res) => {
      const sku = parseSku(req);
      const idempotencyKey = parseIdempotencyKey(req);
      if (idempotencyKey === undefined) throw idempotencyKeyRequired();
      const body = parseBody(req, AdjustStockRequest);
      const bodyHash = createHmac('sha256', fingerprintKey)
        .update(canonicalJson({ sku, body }))
        .digest('hex');
      const cause = auditContext(req);
      const adjusted = await adjustStock(
        store,
        ulid(cause.atMs),
        { ...body, sku, change: toOnHandChange(body), note: body.note ?? null },
        { caller: getCallerId(req), idempotencyKey, bodyHash },
        cause,
      );
      if (adjusted.replayed) res.set('Idempotent-Replayed', 'true');
      res.status(201).json(toStockAdjustmentResponse(adjusted));
    },
  });

  registerRoutes('/:sku/threshold', {
    put: async (req, res) => {
      const sku = parseSku(req);
      const { threshold } = parseBody(req, SetThresholdRequest);
      res.json(toInventoryItemResponse(await setThreshold(store, sku, threshold, auditContext(req))));
    },
  });

  return router;
}

/** Whose idempotency keys these are: nobody comes here who is not known. */
function getCallerId(req: Request): string {
  const { kind, id } = getActor(req);
  if (id === undefined) throw new Error(`a ${kind} changes stock`);
  return id;
}

const toOnHandChange = ({ delta, countedOnHand = 0 }: AdjustStockRequest) =>
  delta === undefined ? { countedOnHand } : { delta };

const isSku = (value: unknown): value is string => skuSchema.safeParse(value).success;
const isMovementPosition = (key: string): boolean => /^[1-9]\d{0,14}$/.test(key);
const isLowStockKey = (key: string): boolean => {
  const [ms = '', sku] = key.split(':');
  return isMovementPosition(ms) && isSku(sku);
};
const parseLowStockKey = (key: string) => {
  const [ms = '', sku = ''] = key.split(':');
  return { lowSinceMs: Number(ms), sku };
};

/** @throws Failure `not_found` */
function parseSku(req: Request): string {
  const { sku } = req.params;
  if (!isSku(sku)) throw productNotFound();
  return sku;
}

const productNotFound = (): AppError => new AppError('not_found', 'There is no such product.');

const idempotencyKeyRequired = (): AppError =>
  new AppError(
    'invalid_request',
    'An adjustment needs an Idempotency-Key: sent again it must not count twice.',
    {
      errors: [{ pointer: 'Idempotency-Key', detail: 'is needed' }],
    },
  );

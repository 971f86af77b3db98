import { createHmac } from 'node:crypto';
import type { Request, Router } from 'express';
import { ulid } from 'ulid';
import { withoutStock } from '../../db/inventory/stock-items';
import { canonicalJson } from '../../domain/shared/canonical-json';
import { Failure } from '../../domain/shared/failures';
import { adjustStock } from '../../services/inventory/adjustments';
import { setThreshold } from '../../services/inventory/thresholds';
import { Page } from '../catalogue/list-schemas';
import { actorOf, causeOf } from '../http/access';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/cursors';
import { newRoutes } from '../http/methods';
import { readBody, readIdempotencyKey, readQuery } from '../http/read';
import { sku as skuSchema } from '../orders/schemas';
import { AdjustStock, SetThreshold } from './schemas';
import { presentAdjusted, presentItem, presentLow, presentMovement } from './serializers';

/** Stock as staff see it and work with it. */
export function inventoryRoutes({ store, fingerprintKey }: ApiContext): Router {
  const { router, methods } = newRoutes('/api/inventory');

  methods('/', {
    get: async (req, res) => {
      const { cursor, limit } = readQuery(req, Page);
      const rows = await store.stockItems.list({
        ...(cursor === undefined ? {} : { afterSku: decodeCursor(cursor, isSku) }),
        limit: limit + 1,
      });
      res.json(toPage(rows, limit, ({ sku }) => sku, presentItem));
    },
  });

  methods('/low', {
    get: async (req, res) => {
      const { cursor, limit } = readQuery(req, Page);
      const rows = await store.stockItems.listLow({
        ...(cursor === undefined ? {} : { after: lowKeyOf(decodeCursor(cursor, isLowKey)) }),
        limit: limit + 1,
      });
      res.json(toPage(rows, limit, ({ lowSinceMs, sku }) => `${lowSinceMs}:${sku}`, presentLow));
    },
  });

  methods('/:sku', {
    get: async (req, res) => {
      const sku = readSku(req);
      const [item] = await store.stockItems.find([sku]);
      if (item === undefined && !(await store.products.exists(sku))) throw noSuchProduct();
      res.json(presentItem(item ?? withoutStock(sku)));
    },
  });

  methods('/:sku/movements', {
    get: async (req, res) => {
      const sku = readSku(req);
      const { cursor, limit } = readQuery(req, Page);
      const rows = await store.movements.list({
        sku,
        ...(cursor === undefined ? {} : { before: Number(decodeCursor(cursor, isPosition)) }),
        limit: limit + 1,
      });
      if (rows.length === 0 && !(await store.products.exists(sku))) throw noSuchProduct();
      res.json(toPage(rows, limit, ({ position }) => String(position), presentMovement));
    },
  });

  methods('/:sku/adjustments', {
    post: async (req, res) => {
      const sku = readSku(req);
      const idempotencyKey = readIdempotencyKey(req);
      if (idempotencyKey === undefined) throw keyNeeded();
      const body = readBody(req, AdjustStock);
      const bodyHash = createHmac('sha256', fingerprintKey)
        .update(canonicalJson({ sku, body }))
        .digest('hex');
      const cause = causeOf(req);
      const adjusted = await adjustStock(
        store,
        ulid(cause.atMs),
        { ...body, sku, change: changeIn(body), note: body.note ?? null },
        { caller: callerOf(req), idempotencyKey, bodyHash },
        cause,
      );
      if (adjusted.replayed) res.set('Idempotent-Replayed', 'true');
      res.status(201).json(presentAdjusted(adjusted));
    },
  });

  methods('/:sku/threshold', {
    put: async (req, res) => {
      const sku = readSku(req);
      const { threshold } = readBody(req, SetThreshold);
      res.json(presentItem(await setThreshold(store, sku, threshold, causeOf(req))));
    },
  });

  return router;
}

/** Whose idempotency keys these are: nobody comes here who is not known. */
function callerOf(req: Request): string {
  const { kind, id } = actorOf(req);
  if (id === undefined) throw new Error(`a ${kind} changes stock`);
  return id;
}

const changeIn = ({ delta, countedOnHand = 0 }: AdjustStock) =>
  delta === undefined ? { countedOnHand } : { delta };

const isSku = (value: unknown): value is string => skuSchema.safeParse(value).success;
const isPosition = (key: string): boolean => /^[1-9]\d{0,14}$/.test(key);
const isLowKey = (key: string): boolean => {
  const [ms = '', sku] = key.split(':');
  return isPosition(ms) && isSku(sku);
};
const lowKeyOf = (key: string) => {
  const [ms = '', sku = ''] = key.split(':');
  return { lowSinceMs: Number(ms), sku };
};

/** @throws Failure `not_found` */
function readSku(req: Request): string {
  const { sku } = req.params;
  if (!isSku(sku)) throw noSuchProduct();
  return sku;
}

const noSuchProduct = (): Failure => new Failure('not_found', 'There is no such product.');

const keyNeeded = (): Failure =>
  new Failure(
    'invalid_request',
    'An adjustment needs an Idempotency-Key: sent again it must not count twice.',
    {
      errors: [{ pointer: 'Idempotency-Key', detail: 'is needed' }],
    },
  );

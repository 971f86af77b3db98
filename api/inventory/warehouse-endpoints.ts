import type { Request, Response, Router } from 'express';
import type { Warehouse } from '../../domain/inventory/warehouse';
import { createWarehouse, noSuchWarehouse, updateWarehouse } from '../../services/inventory/warehouses';
import { Page } from '../catalogue/list-schemas';
import { causeOf } from '../http/access';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/cursors';
import { etagOf, readIfMatch } from '../http/if-match';
import { newRoutes } from '../http/methods';
import { readBody, readQuery } from '../http/read';
import { CreateWarehouse, UpdateWarehouse, warehouseCode } from './schemas';

export function warehouseRoutes({ store }: ApiContext): Router {
  const { router, methods } = newRoutes('/api/warehouses');

  methods('/', {
    get: async (req, res) => {
      const { cursor, limit } = readQuery(req, Page);
      const rows = await store.warehouses.list({
        ...(cursor === undefined ? {} : { afterCode: decodeCursor(cursor, isCode) }),
        limit: limit + 1,
      });
      res.json(
        toPage(
          rows,
          limit,
          ({ code }) => code,
          (warehouse) => warehouse,
        ),
      );
    },

    post: async (req, res) => {
      const warehouse = await createWarehouse(store, readBody(req, CreateWarehouse), causeOf(req));
      send(res.status(201), warehouse);
    },
  });

  methods('/:code', {
    get: async (req, res) => {
      const warehouse = await store.warehouses.read(readCode(req));
      if (warehouse === null) throw noSuchWarehouse();
      send(res, warehouse);
    },

    put: async (req, res) => {
      const seen = readIfMatch(req);
      const wanted = { code: readCode(req), ...readBody(req, UpdateWarehouse) };
      send(res, await updateWarehouse(store, wanted, seen, causeOf(req)));
    },
  });

  return router;
}

const send = (res: Response, warehouse: Warehouse): void => {
  res.set('ETag', etagOf(warehouse.version)).json(warehouse);
};

/** @throws Failure `not_found`: what cannot be a code is a warehouse that does not exist. */
function readCode(req: Request): string {
  const { code } = req.params;
  if (!isCode(code)) throw noSuchWarehouse();
  return code;
}

const isCode = (value: unknown): value is string => warehouseCode.safeParse(value).success;

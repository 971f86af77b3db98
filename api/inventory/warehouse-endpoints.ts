import type { Request, Response, Router } from 'express';
import type { Warehouse } from '../../domain/inventory/warehouse';
import { createWarehouse, updateWarehouse, warehouseNotFound } from '../../services/inventory/warehouses';
import { PageQuery } from '../catalogue/list-schemas';
import { auditContext } from '../http/auth';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/pagination';
import { parseBody, parseQuery } from '../http/parse-request';
import { parseIfMatch, toETag } from '../http/request-headers';
import { createRouter } from '../http/router';
import { CreateWarehouseRequest, UpdateWarehouseRequest, warehouseCode } from './schemas';

export function warehouseRoutes({ store }: ApiContext): Router {
  const { router, registerRoutes } = createRouter('/api/warehouses');

  registerRoutes('/', {
    get: async (req, res) => {
      const { cursor, limit } = parseQuery(req, PageQuery);
      const rows = await store.warehouses.list({
        ...(cursor === undefined ? {} : { afterCode: decodeCursor(cursor, isWarehouseCode) }),
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
      const warehouse = await createWarehouse(
        store,
        parseBody(req, CreateWarehouseRequest),
        auditContext(req),
      );
      sendWarehouse(res.status(201), warehouse);
    },
  });

  registerRoutes('/:code', {
    get: async (req, res) => {
      const warehouse = await store.warehouses.find(parseWarehouseCode(req));
      if (warehouse === null) throw warehouseNotFound();
      sendWarehouse(res, warehouse);
    },

    put: async (req, res) => {
      const seen = parseIfMatch(req);
      const wanted = { code: parseWarehouseCode(req), ...parseBody(req, UpdateWarehouseRequest) };
      sendWarehouse(res, await updateWarehouse(store, wanted, seen, auditContext(req)));
    },
  });

  return router;
}

const sendWarehouse = (res: Response, warehouse: Warehouse): void => {
  res.set('ETag', toETag(warehouse.version)).json(warehouse);
};

/** @throws Failure `not_found`: what cannot be a code is a warehouse that does not exist. */
function parseWarehouseCode(req: Request): string {
  const { code } = req.params;
  if (!isWarehouseCode(code)) throw warehouseNotFound();
  return code;
}

const isWarehouseCode = (value: unknown): value is string => warehouseCode.safeParse(value).success;

import type { Router } from 'express';
import { Failure } from '../../domain/failures';
import { createWarehouse, updateWarehouse } from '../../inventory/warehouses';
import { causeOf } from '../access';
import type { ApiContext } from '../context';
import { decodeCursor, toPage } from '../cursors';
import { newRoutes } from '../methods';
import { readBody, readQuery } from '../read';
import { Page } from '../schemas/catalogue';
import { CreateWarehouse, UpdateWarehouse, warehouseCode } from '../schemas/inventory';

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
      res.status(201).json(warehouse);
    },
  });

  methods('/:code', {
    put: async (req, res) => {
      const { code } = req.params;
      if (!isCode(code)) throw new Failure('not_found', 'There is no such warehouse.');
      res.json(await updateWarehouse(store, { code, ...readBody(req, UpdateWarehouse) }, causeOf(req)));
    },
  });

  return router;
}

const isCode = (value: unknown): value is string => warehouseCode.safeParse(value).success;

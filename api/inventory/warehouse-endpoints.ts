import type { Response } from 'express';
import type { Warehouse } from '../../domain/inventory/warehouse';
import { createWarehouse, updateWarehouse, warehouseNotFound } from '../../services/inventory/warehouses';
import { auditContext } from '../http/auth';
import { defineEndpoint } from '../http/endpoint';
import { jsonResponse, NOT_MODIFIED, pageResponse } from '../http/openapi/responses';
import { z } from '../http/openapi/zod';
import { decodeCursor, PageQuery, toPage } from '../http/pagination';
import { ifMatch, toETag } from '../http/request-headers';
import { READ_INVENTORY, WRITE_INVENTORY } from './endpoints';
import * as schema from './schemas';

const codeParam = z.object({ code: schema.warehouseCode });

export const WAREHOUSE_ENDPOINTS = [
  defineEndpoint({
    method: 'get',
    path: '/api/warehouses',
    policy: READ_INVENTORY,
    summary: 'List warehouses by code',
    tags: ['inventory'],
    request: { query: PageQuery },
    responses: { 200: pageResponse(schema.Warehouse) },
    async handler({ ctx, res, query: { cursor, limit } }) {
      const rows = await ctx.store.warehouses.list({
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
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/warehouses',
    policy: WRITE_INVENTORY,
    summary: 'Create a warehouse',
    tags: ['inventory'],
    request: { body: schema.CreateWarehouseRequest },
    responses: { 201: jsonResponse(schema.Warehouse, 'The new warehouse', 'ETag') },
    errors: ['warehouse_exists'],
    async handler({ ctx, res, body, actor }) {
      sendWarehouse(res.status(201), await createWarehouse(ctx.store, body, auditContext(actor)));
    },
  }),

  defineEndpoint({
    method: 'get',
    path: '/api/warehouses/:code',
    policy: READ_INVENTORY,
    summary: 'Retrieve a warehouse',
    tags: ['inventory'],
    request: { params: codeParam },
    notFound: warehouseNotFound,
    responses: {
      200: jsonResponse(schema.Warehouse, 'The warehouse; its version is the `ETag`', 'ETag'),
      304: NOT_MODIFIED,
    },
    async handler({ ctx, res, params }) {
      const warehouse = await ctx.store.warehouses.find(params.code);
      if (warehouse === null) throw warehouseNotFound();
      sendWarehouse(res, warehouse);
    },
  }),

  defineEndpoint({
    method: 'put',
    path: '/api/warehouses/:code',
    policy: WRITE_INVENTORY,
    summary: 'Update a warehouse',
    description: [
      'An inactive warehouse serves no new orders from the moment of the response. Its stock and the reservations of',
      'existing orders are unchanged. After an error or a lost response, send the same request with the same `If-Match`',
      'again: it creates no second version and completes the update.',
    ].join(' '),
    tags: ['inventory'],
    request: { headers: { ifMatch }, params: codeParam, body: schema.UpdateWarehouseRequest },
    notFound: warehouseNotFound,
    responses: {
      200: jsonResponse(schema.Warehouse, 'The warehouse, updated by this or an earlier request', 'ETag'),
    },
    async handler({ ctx, res, headers, params, body, actor }) {
      const warehouse = { code: params.code, ...body };
      sendWarehouse(res, await updateWarehouse(ctx.store, warehouse, headers.ifMatch, auditContext(actor)));
    },
  }),
];

const sendWarehouse = (res: Response, warehouse: Warehouse): void => {
  res.set('ETag', toETag(warehouse.version)).json(warehouse);
};

const isWarehouseCode = (value: string): boolean => schema.warehouseCode.safeParse(value).success;

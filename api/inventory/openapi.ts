import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import * as catalogue from '../catalogue/list-schemas';
import { ifMatch, json, page, problems, unchanged } from '../http/openapi-parts';
import * as order from '../orders/schemas';
import * as inventory from './schemas';

const skuParam = z.object({ sku: order.sku });
const codeParam = z.object({ code: inventory.warehouseCode });
const body = (schema: z.ZodType) => ({ required: true, content: { 'application/json': { schema } } });
const OF_BODIES = [
  'invalid_request',
  'malformed_json',
  'payload_too_large',
  'unsupported_media_type',
  'service_unavailable',
] as const;

export const INVENTORY_ROUTES: RouteConfig[] = [
  {
    method: 'get',
    path: '/api/inventory',
    summary: 'List stock, by sku',
    tags: ['inventory'],
    request: { query: catalogue.Page },
    responses: {
      200: json(page(inventory.InventoryItem), 'A page'),
      ...problems('invalid_request', 'invalid_cursor', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/inventory/low',
    summary: 'List products whose stock is low, for longest first',
    tags: ['inventory'],
    request: { query: catalogue.Page },
    responses: {
      200: json(page(inventory.LowItem), 'A page'),
      ...problems('invalid_request', 'invalid_cursor', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/inventory/{sku}',
    summary: 'Read the stock of a product',
    tags: ['inventory'],
    request: { params: skuParam },
    responses: {
      200: json(inventory.InventoryItem, 'The stock'),
      ...problems('not_found', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/inventory/{sku}/movements',
    summary: 'List what changed the units on hand of a product, newest first',
    tags: ['inventory'],
    request: { params: skuParam, query: catalogue.Page },
    responses: {
      200: json(page(inventory.StockMovement), 'A page'),
      ...problems('invalid_request', 'invalid_cursor', 'not_found', 'service_unavailable'),
    },
  },
  {
    method: 'post',
    path: '/api/inventory/{sku}/adjustments',
    summary: 'Change the units on hand of a product in a warehouse',
    description:
      'By so many (`delta`), or to what was counted (`countedOnHand`); never below what is reserved.',
    tags: ['inventory'],
    request: {
      params: skuParam,
      headers: z.object({
        'idempotency-key': z.string().min(1).max(255).openapi({
          description: 'The same key and body count once, however often they are sent',
          example: 'delivery-4711',
        }),
      }),
      body: body(inventory.AdjustStock),
    },
    responses: {
      201: json(
        inventory.AdjustedStock,
        'Adjusted, now or when the key was first used',
        'Idempotent-Replayed',
      ),
      ...problems(...OF_BODIES, 'unknown_warehouse', 'not_found', 'stock_reserved', 'idempotency_key_reused'),
    },
  },
  {
    method: 'put',
    path: '/api/inventory/{sku}/threshold',
    summary: 'Set from how many available units on a product is low',
    description: '`null`: it never is. Each time it becomes low, and is no longer, is told once.',
    tags: ['inventory'],
    request: { params: skuParam, body: body(inventory.SetThreshold) },
    responses: {
      200: json(inventory.InventoryItem, 'The stock as it is then'),
      ...problems(...OF_BODIES, 'not_found'),
    },
  },
  {
    method: 'get',
    path: '/api/warehouses',
    summary: 'List warehouses, by code',
    tags: ['inventory'],
    request: { query: catalogue.Page },
    responses: {
      200: json(page(inventory.Warehouse), 'A page'),
      ...problems('invalid_request', 'invalid_cursor', 'service_unavailable'),
    },
  },
  {
    method: 'post',
    path: '/api/warehouses',
    summary: 'Add a warehouse',
    tags: ['inventory'],
    request: { body: body(inventory.CreateWarehouse) },
    responses: {
      201: json(inventory.Warehouse, 'Added', 'ETag'),
      ...problems(...OF_BODIES, 'warehouse_exists'),
    },
  },
  {
    method: 'get',
    path: '/api/warehouses/{code}',
    summary: 'Read a warehouse',
    tags: ['inventory'],
    request: { params: codeParam },
    responses: {
      200: json(inventory.Warehouse, 'The warehouse; its version is the ETag', 'ETag'),
      304: unchanged('As `If-None-Match` has it'),
      ...problems('not_found', 'service_unavailable'),
    },
  },
  {
    method: 'put',
    path: '/api/warehouses/{code}',
    summary: 'Change a warehouse',
    description:
      'One that is not active serves no order; it keeps its stock, reserved and not. The same request again changes nothing, whatever version was seen, and finishes what broke off.',
    tags: ['inventory'],
    request: { params: codeParam, headers: ifMatch, body: body(inventory.UpdateWarehouse) },
    responses: {
      200: json(inventory.Warehouse, 'Changed, now or before', 'ETag'),
      ...problems(...OF_BODIES, 'not_found', 'precondition_failed', 'precondition_required'),
    },
  },
];

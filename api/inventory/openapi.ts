import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import * as catalogue from '../catalogue/list-schemas';
import {
  ifMatchHeader,
  jsonResponse,
  notModified,
  pageSchema,
  problemResponses,
} from '../http/openapi/responses';
import * as order from '../orders/schemas';
import * as inventory from './schemas';

const skuParam = z.object({ sku: order.sku });
const codeParam = z.object({ code: inventory.warehouseCode });
const jsonBody = (schema: z.ZodType) => ({ required: true, content: { 'application/json': { schema } } });
const BODY_PROBLEMS = [
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
    request: { query: catalogue.PageQuery },
    responses: {
      200: jsonResponse(pageSchema(inventory.InventoryItem), 'A page'),
      ...problemResponses('invalid_request', 'invalid_cursor', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/inventory/low',
    summary: 'List products whose stock is low, for longest first',
    tags: ['inventory'],
    request: { query: catalogue.PageQuery },
    responses: {
      200: jsonResponse(pageSchema(inventory.LowStockItem), 'A page'),
      ...problemResponses('invalid_request', 'invalid_cursor', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/inventory/{sku}',
    summary: 'Read the stock of a product',
    tags: ['inventory'],
    request: { params: skuParam },
    responses: {
      200: jsonResponse(inventory.InventoryItem, 'The stock'),
      ...problemResponses('not_found', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/inventory/{sku}/movements',
    summary: 'List what changed the units on hand of a product, newest first',
    tags: ['inventory'],
    request: { params: skuParam, query: catalogue.PageQuery },
    responses: {
      200: jsonResponse(pageSchema(inventory.StockMovement), 'A page'),
      ...problemResponses('invalid_request', 'invalid_cursor', 'not_found', 'service_unavailable'),
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
      body: jsonBody(inventory.AdjustStockRequest),
    },
    responses: {
      201: jsonResponse(
        inventory.StockAdjustmentResult,
        'Adjusted, now or when the key was first used',
        'Idempotent-Replayed',
      ),
      ...problemResponses(
        ...BODY_PROBLEMS,
        'unknown_warehouse',
        'not_found',
        'stock_reserved',
        'idempotency_key_reused',
      ),
    },
  },
  {
    method: 'put',
    path: '/api/inventory/{sku}/threshold',
    summary: 'Set from how many available units on a product is low',
    description: '`null`: it never is. Each time it becomes low, and is no longer, is told once.',
    tags: ['inventory'],
    request: { params: skuParam, body: jsonBody(inventory.SetThresholdRequest) },
    responses: {
      200: jsonResponse(inventory.InventoryItem, 'The stock as it is then'),
      ...problemResponses(...BODY_PROBLEMS, 'not_found'),
    },
  },
  {
    method: 'get',
    path: '/api/warehouses',
    summary: 'List warehouses, by code',
    tags: ['inventory'],
    request: { query: catalogue.PageQuery },
    responses: {
      200: jsonResponse(pageSchema(inventory.Warehouse), 'A page'),
      ...problemResponses('invalid_request', 'invalid_cursor', 'service_unavailable'),
    },
  },
  {
    method: 'post',
    path: '/api/warehouses',
    summary: 'Add a warehouse',
    tags: ['inventory'],
    request: { body: jsonBody(inventory.CreateWarehouseRequest) },
    responses: {
      201: jsonResponse(inventory.Warehouse, 'Added', 'ETag'),
      ...problemResponses(...BODY_PROBLEMS, 'warehouse_exists'),
    },
  },
  {
    method: 'get',
    path: '/api/warehouses/{code}',
    summary: 'Read a warehouse',
    tags: ['inventory'],
    request: { params: codeParam },
    responses: {
      200: jsonResponse(inventory.Warehouse, 'The warehouse; its version is the ETag', 'ETag'),
      304: notModified('As `If-None-Match` has it'),
      ...problemResponses('not_found', 'service_unavailable'),
    },
  },
  {
    method: 'put',
    path: '/api/warehouses/{code}',
    summary: 'Change a warehouse',
    description:
      'One that is not active serves no order; it keeps its stock, reserved and not. The same request again changes nothing, whatever version was seen, and finishes what broke off.',
    tags: ['inventory'],
    request: { params: codeParam, headers: ifMatchHeader, body: jsonBody(inventory.UpdateWarehouseRequest) },
    responses: {
      200: jsonResponse(inventory.Warehouse, 'Changed, now or before', 'ETag'),
      ...problemResponses(...BODY_PROBLEMS, 'not_found', 'precondition_failed', 'precondition_required'),
    },
  },
];

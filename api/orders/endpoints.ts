import type { Response } from 'express';
import type { Order } from '../../domain/orders/order';
import { type Access, canAccessOrder } from '../../domain/shared/access';
import { AppError } from '../../domain/shared/errors';
import { describeActor } from '../../domain/shared/events';
import { isOrderId } from '../../domain/shared/ids';
import { recordPersonalDataRead } from '../../services/customers/personal-data-reads';
import { requestCancellation } from '../../services/orders/cancel-order';
import {
  assertCanAccessOrder,
  findOrder,
  type OrderWithContact,
  orderNotFound,
  queryOrderWorkflow,
} from '../../services/orders/find-order';
import { getOrderHistory } from '../../services/orders/history';
import {
  type PlacementRequest,
  type PlacementResult,
  requestPlacement,
} from '../../services/orders/place-order';
import type { ApiContext } from '../http/context';
import { defineEndpoint, definePolicy, type EndpointCall, getCallLog } from '../http/endpoint';
import { type HeaderName, jsonResponse, NOT_MODIFIED, pageResponse } from '../http/openapi/responses';
import { z } from '../http/openapi/zod';
import { decodeCursor, toPage } from '../http/pagination';
import { optionalIdempotencyKey, type Preference, prefer, toETag } from '../http/request-headers';
import * as schema from './schemas';
import {
  orderLinks,
  orderPath,
  toOrderHistoryResponse,
  toOrderResponse,
  toOrderSummaryResponse,
} from './serializers';

const READ_ORDER = definePolicy(
  { guest: 'own', customer: 'own', support: 'all', warehouse: 'all', admin: 'all' },
  'orders:read',
);

const orderIdParam = z.object({
  id: z
    .string()
    .regex(/^ord_[0-9A-HJKMNP-TV-Z]{26}$/)
    .openapi({ example: 'ord_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
});

/** Of every placed order, also when it was rejected: it can be read at `Location`. */
const PLACEMENT_HEADERS: HeaderName[] = ['Location', 'Idempotent-Replayed', 'Preference-Applied'];

const placeOrder = defineEndpoint({
  method: 'post',
  path: '/api/orders',
  policy: definePolicy(
    { guest: 'all', customer: 'own', support: 'all', warehouse: 'own', admin: 'all' },
    'orders:write',
  ),
  limit: 'placement',
  summary: 'Place an order',
  description: [
    "Prices the items from the catalogue, starts the order's durable workflow and waits for its decision: stock is",
    'reserved and the payment is taken. Returns 202 when the decision takes longer than the time to wait; it is then',
    'available at `Location`. A rejected order (402, 409) can be read as well.',
    '\n\nSend an `Idempotency-Key` to make retries safe. Keys belong to the caller; all guests together are one caller, so',
    'guests should use random keys (UUIDs). The response to a guest contains the `orderToken` that gives access to this',
    'order. An order placed by a customer belongs to their account, regardless of its email address.',
  ].join(' '),
  tags: ['orders'],
  request: {
    body: schema.PlaceOrderRequest,
    headers: {
      prefer,
      idempotencyKey: optionalIdempotencyKey(
        'Repeating a request with the same key and body returns the same order and `Idempotent-Replayed: true`',
      ),
    },
  },
  responses: {
    201: jsonResponse(
      schema.PlacedOrder,
      'The order was confirmed, or cancelled meanwhile',
      'ETag',
      ...PLACEMENT_HEADERS,
    ),
    202: jsonResponse(
      schema.PendingOrder,
      'The order was accepted and is not decided yet; read it at `Location`',
      ...PLACEMENT_HEADERS,
    ),
  },
  errors: ['unknown_sku', 'payment_declined', 'payment_unavailable', 'out_of_stock', 'customer_erased'],
  errorHeaders: { 402: PLACEMENT_HEADERS, 409: PLACEMENT_HEADERS },
  async handler(call) {
    const { ctx, body, access, headers } = call;
    const request: PlacementRequest = {
      body,
      caller: call.actor.id ?? 'guest',
      placedBy: call.actor,
      customerId: getOwner(access),
      idempotencyKey: headers.idempotencyKey,
      waitMs: headers.prefer.waitMs ?? ctx.decisionWaitMs,
    };
    const result = await ctx.admission.admit(() => requestPlacement(ctx, request));
    getCallLog(call).info({ orderId: result.orderId, status: result.order?.status }, 'order placed');
    sendPlacement(call, result, headers.prefer);
  },
});

/** A customer owns the order. Otherwise (null) the customer with the order's email address does. */
const getOwner = ({ principal, scope }: Access): string | null =>
  principal.kind === 'account' && scope === 'own' ? principal.customerId : null;

const listOrders = defineEndpoint({
  method: 'get',
  path: '/api/orders',
  policy: definePolicy({ customer: 'own', support: 'all', warehouse: 'all', admin: 'all' }, 'orders:read'),
  summary: 'List orders, newest first',
  description:
    "Customers get their own orders; asking for another customer's returns 403. Staff and API keys get the orders of all customers.",
  tags: ['orders'],
  request: { query: schema.ListOrdersQuery },
  responses: { 200: pageResponse(schema.OrderSummary) },
  async handler({ ctx, res, access, query }) {
    const { cursor, limit, from, to, status } = query;
    const customerId = resolveCustomerFilter(access, query.customerId);
    const rows = await ctx.store.orders.list({
      ...(customerId === undefined ? {} : { customerId }),
      ...(status === undefined ? {} : { status }),
      ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
      ...(to === undefined ? {} : { toMs: Date.parse(to) }),
      ...(cursor === undefined ? {} : { afterId: decodeCursor(cursor, isOrderId) }),
      limit: limit + 1,
    });
    res.json(toPage(rows, limit, (row) => row.id, toOrderSummaryResponse));
  },
});

const getOrder = defineEndpoint({
  method: 'get',
  path: '/api/orders/:id',
  policy: READ_ORDER,
  summary: 'Retrieve an order',
  description: [
    'Reads the stored state of the order. With `consistency=strong` the running workflow is queried; this returns 503 when',
    'no worker responds. Reads by staff are recorded, because the response contains personal data.',
  ].join(' '),
  tags: ['orders'],
  request: { params: orderIdParam, query: schema.GetOrderQuery },
  notFound: orderNotFound,
  responses: {
    200: jsonResponse(schema.Order, 'The order; its version is the `ETag`', 'ETag'),
    304: NOT_MODIFIED,
  },
  async handler(call) {
    const { ctx, res, access, params, query } = call;
    const read = query.consistency === 'strong' ? queryOrderWorkflow : findOrder;
    const result = await read(ctx, params.id);
    if (!canAccessOrder(access, result.order)) throw orderNotFound();
    await recordRead(call, params.id);
    setOrderETag(res, result.order).json(toResponse(ctx, result));
  },
});

const getHistory = defineEndpoint({
  method: 'get',
  path: '/api/orders/:id/history',
  policy: READ_ORDER,
  summary: 'List the history of an order',
  description: [
    "Joins the domain events of the event log with the workflow's history, oldest first. `anchored` is true when the",
    "workflow's history contains the hash of the logged event. While Temporal is unavailable, or after it has deleted the",
    'workflow, `workflow` is null and the log alone is returned.',
  ].join(' '),
  tags: ['orders'],
  request: { params: orderIdParam },
  notFound: orderNotFound,
  responses: { 200: jsonResponse(schema.OrderHistory, 'The entries, oldest first') },
  async handler({ ctx, res, access, params }) {
    res.json(toOrderHistoryResponse(await getOrderHistory(ctx, access, params.id), ctx));
  },
});

const cancelOrder = defineEndpoint({
  method: 'post',
  path: '/api/orders/:id/cancel',
  policy: definePolicy(
    { guest: 'own', customer: 'own', support: 'all', warehouse: 'own', admin: 'all' },
    'orders:write',
  ),
  summary: 'Cancel an order',
  description: [
    'Releases the reserved stock and reverses the payment; a payment in flight is awaited first. Returns 202 immediately',
    'unless `Prefer: wait=N` is sent. Cancelling a cancelled order again changes nothing and returns it.',
  ].join(' '),
  tags: ['orders'],
  request: { params: orderIdParam, body: schema.CancelOrderRequest, headers: { prefer } },
  isBodyOptional: true,
  notFound: orderNotFound,
  responses: {
    200: jsonResponse(schema.Order, 'The order is cancelled', 'ETag', 'Preference-Applied'),
    202: jsonResponse(
      schema.Order,
      'The cancellation was requested; read its result at `Location`',
      'ETag',
      'Location',
      'Preference-Applied',
    ),
  },
  errors: ['not_cancellable'],
  async handler(call) {
    const { ctx, res, access, params, body, headers } = call;
    const { id } = params;
    await assertCanAccessOrder(ctx, access, id);
    await recordRead(call, id);
    const request = { reason: body.reason, requestedBy: `${describeActor(call.actor)}, by REST` };
    const result = await requestCancellation(ctx, id, request, headers.prefer.waitMs ?? 0);
    getCallLog(call).info({ orderId: id, status: result.order.status }, 'cancellation requested');
    setPreferenceApplied(res, headers.prefer);
    if (!result.finished) res.status(202).set('Location', orderPath(id));
    setOrderETag(res, result.order).json(toResponse(ctx, result));
  },
});

export const ORDER_ENDPOINTS = [placeOrder, listOrders, getOrder, getHistory, cancelOrder];

const toResponse = (ctx: ApiContext, { order, contact }: OrderWithContact) =>
  toOrderResponse(order, contact, orderLinks(ctx, order.id));

/**
 * Records that staff read an order's contact. Reads by its owner are not recorded, nor those of machines: their number
 * would hide the reads by staff.
 */
async function recordRead(
  { ctx, access, actor }: Pick<EndpointCall<object>, 'ctx' | 'access' | 'actor'>,
  orderId: string,
): Promise<void> {
  if (access.principal.kind !== 'account' || access.scope !== 'all') return;
  await recordPersonalDataRead(ctx.auth, actor, orderId);
}

function sendPlacement(
  { ctx, res, actor }: Pick<EndpointCall<object>, 'ctx' | 'res' | 'actor'>,
  { orderId, order, contact, replayed }: PlacementResult,
  preference: Preference,
): void {
  // The token of another order does not give access to this one: its bearer is a guest here.
  const token = actor.kind === 'guest' ? { orderToken: ctx.orderTokens.issue(orderId) } : {};
  res.set('Location', orderPath(orderId));
  if (replayed) res.set('Idempotent-Replayed', 'true');
  setPreferenceApplied(res, preference);
  if (order === null) {
    res.status(202).json({ id: orderId, status: 'placed', links: orderLinks(ctx, orderId), ...token });
    return;
  }
  if (order.rejection !== null) throw toRejectionError(order, token);
  setOrderETag(res.status(201), order).json({ ...toResponse(ctx, { order, contact }), ...token });
}

/** @throws AppError `forbidden` for another customer's orders. */
function resolveCustomerFilter(
  { principal, scope }: Access,
  customerId: string | undefined,
): string | undefined {
  if (scope !== 'own' || principal.kind !== 'account') return customerId;
  if (customerId === undefined || customerId === principal.customerId) return principal.customerId;
  throw new AppError('forbidden', 'Customers can list only their own orders. Omit customerId.');
}

const setOrderETag = (res: Response, order: Order): Response => res.set('ETag', toETag(order.version));

const setPreferenceApplied = (res: Response, { applied }: Preference): void => {
  if (applied !== undefined) res.set('Preference-Applied', applied);
};

/** The rejection as an error of the request. The order itself can still be read. */
function toRejectionError(order: Order, token: { orderToken?: string }): AppError {
  const { code, detail, shortages } = order.rejection ?? { code: 'internal_error' as const, detail: '' };
  const errors = shortages?.map((s) => ({
    pointer: `/items/${s.line - 1}/quantity`,
    detail: `${s.requested} of ${s.sku} requested, ${s.available} available`,
    sku: s.sku,
    requested: s.requested,
    available: s.available,
  }));
  return new AppError(code, detail, {
    orderId: order.id,
    ...token,
    ...(errors === undefined ? {} : { errors }),
  });
}

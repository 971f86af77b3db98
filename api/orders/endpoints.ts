import type { Request, Response, Router } from 'express';
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
import { getAccess, getActor } from '../http/auth';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/pagination';
import { parseBody, parseIdempotencyKey, parseOrderId, parseQuery } from '../http/parse-request';
import { type Preference, parsePrefer } from '../http/prefer';
import { createRouter } from '../http/router';
import { CancelOrderRequest, GetOrderQuery, ListOrdersQuery, PlaceOrderRequest } from './schemas';
import {
  orderLinks,
  orderPath,
  toOrderHistoryResponse,
  toOrderResponse,
  toOrderSummaryResponse,
} from './serializers';

export function orderRoutes(ctx: ApiContext): Router {
  const { router, registerRoutes } = createRouter('/api/orders');

  const linksOf = (id: string) => orderLinks(ctx, id);
  const present = ({ order, contact }: OrderWithContact) =>
    toOrderResponse(order, contact, linksOf(order.id));

  /**
   * The contact of an order is shown to staff, who are held to account for it; to its owner, who is not; and to machines,
   * which look so often that what people do would be lost among it.
   */
  const recordRead = async (req: Request, orderId: string): Promise<void> => {
    const { principal, scope } = getAccess(req);
    if (principal.kind !== 'account' || scope !== 'all') return;
    await recordPersonalDataRead(ctx.identity, getActor(req), orderId);
  };

  registerRoutes('/', {
    post: async (req, res) => {
      const body = parseBody(req, PlaceOrderRequest);
      const preference = parsePrefer(req.get('prefer'));
      const request = {
        body,
        ...getPlacementCaller(req),
        idempotencyKey: parseIdempotencyKey(req),
        waitMs: preference.waitMs ?? ctx.decisionWaitMs,
      };
      const answer = await ctx.admission.admit(() => requestPlacement(ctx, request));
      req.log.info({ orderId: answer.orderId, status: answer.order?.status }, 'order placed');
      sendPlacement(req, res, answer, preference);
    },

    get: async (req, res) => {
      const { cursor, limit, from, to, status, ...query } = parseQuery(req, ListOrdersQuery);
      const customerId = resolveCustomerFilter(getAccess(req), query.customerId);
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

  registerRoutes('/:id', {
    get: async (req, res) => {
      const id = parseOrderId(req);
      const { consistency } = parseQuery(req, GetOrderQuery);
      const found = consistency === 'strong' ? await queryOrderWorkflow(ctx, id) : await findOrder(ctx, id);
      if (!canAccessOrder(getAccess(req), found.order)) throw orderNotFound();
      await recordRead(req, id);
      setOrderETag(res, found.order).json(present(found));
    },
  });

  registerRoutes('/:id/history', {
    get: async (req, res) => {
      const id = parseOrderId(req);
      res.json(toOrderHistoryResponse(await getOrderHistory(ctx, getAccess(req), id), ctx));
    },
  });

  registerRoutes('/:id/cancel', {
    post: async (req, res) => {
      const id = parseOrderId(req);
      const { reason } = parseBody(req, CancelOrderRequest);
      const preference = parsePrefer(req.get('prefer'));
      await assertCanAccessOrder(ctx, getAccess(req), id);
      await recordRead(req, id);
      const requestedBy = `${describeActor(getActor(req))}, by REST`;
      const answer = await requestCancellation(ctx, id, { reason, requestedBy }, preference.waitMs ?? 0);
      req.log.info({ orderId: id, status: answer.order.status }, 'cancellation asked for');
      setPreferenceApplied(res, preference);
      if (!answer.finished) res.status(202).set('Location', orderPath(id));
      setOrderETag(res, answer.order).json(present(answer));
    },
  });

  function sendPlacement(req: Request, res: Response, answer: PlacementResult, preference: Preference): void {
    const { orderId, order, replayed } = answer;
    // Who shows the token of another order is a guest still: it does not open this one.
    const token = getActor(req).kind === 'guest' ? { orderToken: ctx.orderTokens.issue(orderId) } : {};
    res.set('Location', orderPath(orderId));
    if (replayed) res.set('Idempotent-Replayed', 'true');
    setPreferenceApplied(res, preference);
    if (order === null) {
      res.status(202).json({ id: orderId, status: 'placed', links: linksOf(orderId), ...token });
      return;
    }
    if (order.rejection !== null) throw orderRejected(order, token);
    setOrderETag(res.status(201), order).json({ ...present({ order, contact: answer.contact }), ...token });
  }

  return router;
}

/** Whose idempotency keys these are, and whose order it becomes where that does not follow from the address of mail. */
function getPlacementCaller(req: Request): Pick<PlacementRequest, 'caller' | 'placedBy' | 'customerId'> {
  const { principal, scope } = getAccess(req);
  const actor = getActor(req);
  return {
    caller: actor.id ?? 'guest',
    placedBy: actor,
    // Who serves customers reaches all, and may order for one of them.
    customerId: principal.kind === 'account' && scope === 'own' ? principal.customerId : null,
  };
}

/** @throws Failure `forbidden` for another customer's list. */
function resolveCustomerFilter({ principal, scope }: Access, wanted: string | undefined): string | undefined {
  if (scope !== 'own' || principal.kind !== 'account') return wanted;
  if (wanted === undefined || wanted === principal.customerId) return principal.customerId;
  throw new AppError('forbidden', 'You may list your own orders only.');
}

const setOrderETag = (res: Response, order: Order): Response => res.set('ETag', `"${order.version}"`);

const setPreferenceApplied = (res: Response, { applied }: Preference): void => {
  if (applied !== undefined) res.set('Preference-Applied', applied);
};

/** Why an order was not accepted, in the terms of the request. The order itself stays readable. */
function orderRejected(order: Order, token: { orderToken?: string }): AppError {
  const { code, detail, shortages } = order.rejection ?? { code: 'internal_error' as const, detail: '' };
  const errors = shortages?.map((s) => ({
    pointer: `/items/${s.line - 1}/quantity`,
    detail: `${s.requested} of ${s.sku} were asked for, ${s.available} can be had`,
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

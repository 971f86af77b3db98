import type { Request, Response, Router } from 'express';
import type { Order } from '../../domain/orders/order';
import { type Access, reachesOrder } from '../../domain/shared/access';
import { describeActor } from '../../domain/shared/events';
import { Failure } from '../../domain/shared/failures';
import { isOrderId } from '../../domain/shared/ids';
import { recordPersonalDataRead } from '../../services/customers/staff-reads';
import {
  assertReaches,
  type FoundOrder,
  findOrder,
  findOrderStrongly,
  requestCancellation,
} from '../../services/orders/find-and-cancel';
import { orderHistory } from '../../services/orders/history';
import { type PlacementAnswer, type PlacementRequest, place } from '../../services/orders/place-order';
import { accessOf, actorOf } from '../http/access';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/cursors';
import { newRoutes } from '../http/methods';
import { type Preference, readPrefer } from '../http/prefer';
import { noSuchOrder, readBody, readIdempotencyKey, readOrderId, readQuery } from '../http/read';
import { CancelOrder, ListOrders, PlaceOrder, ReadOrder } from './schemas';
import { orderLinks, orderPath, presentOrder, presentSummary } from './serializers';

export function orderRoutes(ctx: ApiContext): Router {
  const { router, methods } = newRoutes('/api/orders');

  const linksOf = (id: string) => orderLinks(ctx, id);
  const present = ({ order, contact }: FoundOrder) => presentOrder(order, contact, linksOf(order.id));

  /**
   * The contact of an order is shown to staff, who are held to account for it; to its owner, who is not; and to machines,
   * which look so often that what people do would be lost among it.
   */
  const recordRead = async (req: Request, orderId: string): Promise<void> => {
    const { principal, reach } = accessOf(req);
    if (principal.kind !== 'account' || reach !== 'all') return;
    await recordPersonalDataRead(ctx.identity, actorOf(req), orderId);
  };

  methods('/', {
    post: async (req, res) => {
      const body = readBody(req, PlaceOrder);
      const preference = readPrefer(req.get('prefer'));
      const request = {
        body,
        ...placedBy(req),
        idempotencyKey: readIdempotencyKey(req),
        requestId: String(req.id),
        waitMs: preference.waitMs ?? ctx.decisionWaitMs,
      };
      const answer = await ctx.admission.place(() => place(ctx, request));
      req.log.info({ orderId: answer.orderId, status: answer.order?.status }, 'order placed');
      sendPlacement(req, res, answer, preference);
    },

    get: async (req, res) => {
      const { cursor, limit, from, to, status, ...query } = readQuery(req, ListOrders);
      const customerId = listedCustomer(accessOf(req), query.customerId);
      const rows = await ctx.store.orders.list({
        ...(customerId === undefined ? {} : { customerId }),
        ...(status === undefined ? {} : { status }),
        ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
        ...(to === undefined ? {} : { toMs: Date.parse(to) }),
        ...(cursor === undefined ? {} : { afterId: decodeCursor(cursor, isOrderId) }),
        limit: limit + 1,
      });
      res.json(toPage(rows, limit, (row) => row.id, presentSummary));
    },
  });

  methods('/:id', {
    get: async (req, res) => {
      const id = readOrderId(req);
      const { consistency } = readQuery(req, ReadOrder);
      const found = consistency === 'strong' ? await findOrderStrongly(ctx, id) : await findOrder(ctx, id);
      if (!reachesOrder(accessOf(req), found.order)) throw noSuchOrder();
      await recordRead(req, id);
      sendOrder(res, found.order).json(present(found));
    },
  });

  methods('/:id/history', {
    get: async (req, res) => {
      const id = readOrderId(req);
      res.json(await orderHistory(ctx, accessOf(req), id));
    },
  });

  methods('/:id/cancel', {
    post: async (req, res) => {
      const id = readOrderId(req);
      const { reason } = readBody(req, CancelOrder);
      const preference = readPrefer(req.get('prefer'));
      await assertReaches(ctx, accessOf(req), id);
      await recordRead(req, id);
      const requestedBy = `${describeActor(actorOf(req))}, by REST`;
      const answer = await requestCancellation(ctx, id, { reason, requestedBy }, preference.waitMs ?? 0);
      req.log.info({ orderId: id, status: answer.order.status }, 'cancellation asked for');
      applied(res, preference);
      if (!answer.finished) res.status(202).set('Location', orderPath(id));
      sendOrder(res, answer.order).json(present(answer));
    },
  });

  function sendPlacement(req: Request, res: Response, answer: PlacementAnswer, preference: Preference): void {
    const { orderId, order, replayed } = answer;
    // Who shows the token of another order is a guest still: it does not open this one.
    const token = actorOf(req).kind === 'guest' ? { orderToken: ctx.orderTokens.issue(orderId) } : {};
    res.set('Location', orderPath(orderId));
    if (replayed) res.set('Idempotent-Replayed', 'true');
    applied(res, preference);
    if (order === null) {
      res.status(202).json({ id: orderId, status: 'placed', links: linksOf(orderId), ...token });
      return;
    }
    if (order.rejection !== null) throw rejected(order, token);
    sendOrder(res.status(201), order).json({ ...present({ order, contact: answer.contact }), ...token });
  }

  return router;
}

/** Whose idempotency keys these are, and whose order it becomes where that does not follow from the address of mail. */
function placedBy(req: Request): Pick<PlacementRequest, 'caller' | 'placedBy' | 'customerId'> {
  const { principal, reach } = accessOf(req);
  const actor = actorOf(req);
  return {
    caller: actor.id ?? 'guest',
    placedBy: actor,
    // Who serves customers reaches all, and may order for one of them.
    customerId: principal.kind === 'account' && reach === 'own' ? principal.customerId : null,
  };
}

/** @throws Failure `forbidden` for another customer's list. */
function listedCustomer({ principal, reach }: Access, wanted: string | undefined): string | undefined {
  if (reach !== 'own' || principal.kind !== 'account') return wanted;
  if (wanted === undefined || wanted === principal.customerId) return principal.customerId;
  throw new Failure('forbidden', 'You may list your own orders only.');
}

const sendOrder = (res: Response, order: Order): Response => res.set('ETag', `"${order.version}"`);

const applied = (res: Response, { applied }: Preference): void => {
  if (applied !== undefined) res.set('Preference-Applied', applied);
};

/** Why an order was not accepted, in the terms of the request. The order itself stays readable. */
function rejected(order: Order, token: { orderToken?: string }): Failure {
  const { code, detail, shortages } = order.rejection ?? { code: 'internal_error' as const, detail: '' };
  const errors = shortages?.map((s) => ({
    pointer: `/items/${s.line - 1}/quantity`,
    detail: `${s.requested} of ${s.sku} were asked for, ${s.available} can be had`,
    sku: s.sku,
    requested: s.requested,
    available: s.available,
  }));
  return new Failure(code, detail, {
    orderId: order.id,
    ...token,
    ...(errors === undefined ? {} : { errors }),
  });
}

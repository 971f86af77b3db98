import type { Response, Router } from 'express';
import { Failure } from '../../domain/failures';
import { isOrderId } from '../../domain/ids';
import type { Order } from '../../domain/order';
import type { ApiContext } from '../context';
import { decodeCursor, toPage } from '../cursors';
import { orderHistory } from '../history';
import { loopbackOnly } from '../loopback';
import { methods, newRouter } from '../methods';
import { type FoundOrder, findOrder, findOrderStrongly, requestCancellation } from '../orders';
import { type PlacementAnswer, place } from '../placement';
import { type Preference, readPrefer } from '../prefer';
import { readBody, readOrderId, readQuery } from '../read';
import { CancelOrder, ListOrders, PlaceOrder, ReadOrder } from '../schemas/order';
import { type Links, orderPath, presentOrder, presentSummary, workflowUrl } from '../views';

/** Until there are accounts every caller is the same one to the idempotency keys. */
const GUEST = 'guest';

export function orderRoutes(ctx: ApiContext): Router {
  const router = newRouter();

  const linksOf = (id: string): Links => ({
    self: orderPath(id),
    history: `${orderPath(id)}/history`,
    temporal: workflowUrl(ctx.temporalUiUrl, ctx.temporal.options.namespace, id),
  });
  const present = ({ order, contact }: FoundOrder) => presentOrder(order, contact, linksOf(order.id));

  methods(router, '/', {
    post: async (req, res) => {
      const body = readBody(req, PlaceOrder);
      const preference = readPrefer(req.get('prefer'));
      const request = {
        body,
        caller: GUEST,
        idempotencyKey: readIdempotencyKey(req.get('idempotency-key')),
        requestId: String(req.id),
        waitMs: preference.waitMs ?? ctx.decisionWaitMs,
      };
      const answer = await ctx.admission.place(() => place(ctx, request));
      req.log.info({ orderId: answer.orderId, status: answer.order?.status }, 'order placed');
      sendPlacement(res, answer, preference);
    },

    get: [
      loopbackOnly,
      async (req, res) => {
        const { cursor, limit, from, to, customerId, status } = readQuery(req, ListOrders);
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
    ],
  });

  methods(router, '/:id', {
    get: async (req, res) => {
      const id = readOrderId(req);
      const { consistency } = readQuery(req, ReadOrder);
      const found = consistency === 'strong' ? await findOrderStrongly(ctx, id) : await findOrder(ctx, id);
      sendOrder(res, found.order).json(present(found));
    },
  });

  methods(router, '/:id/history', {
    get: async (req, res) => {
      res.json(await orderHistory(ctx, readOrderId(req)));
    },
  });

  methods(router, '/:id/cancel', {
    post: async (req, res) => {
      const id = readOrderId(req);
      const { reason } = readBody(req, CancelOrder);
      const preference = readPrefer(req.get('prefer'));
      const answer = await requestCancellation(
        ctx,
        id,
        { reason, requestedBy: 'customer, by REST' },
        preference.waitMs ?? 0,
      );
      req.log.info({ orderId: id, status: answer.order.status }, 'cancellation asked for');
      applied(res, preference);
      if (!answer.finished) res.status(202).set('Location', orderPath(id));
      sendOrder(res, answer.order).json(present(answer));
    },
  });

  function sendPlacement(res: Response, answer: PlacementAnswer, preference: Preference): void {
    const { orderId, order, replayed } = answer;
    res.set('Location', orderPath(orderId));
    if (replayed) res.set('Idempotent-Replayed', 'true');
    applied(res, preference);
    if (order === null) {
      res.status(202).json({ id: orderId, status: 'placed', links: linksOf(orderId) });
      return;
    }
    if (order.rejection !== null) throw rejected(order);
    sendOrder(res.status(201), order).json(present({ order, contact: answer.contact }));
  }

  return router;
}

const sendOrder = (res: Response, order: Order): Response => res.set('ETag', `"${order.version}"`);

const applied = (res: Response, { applied }: Preference): void => {
  if (applied !== undefined) res.set('Preference-Applied', applied);
};

/** Why an order was not accepted, in the terms of the request. The order itself stays readable. */
function rejected(order: Order): Failure {
  const { code, detail, shortages } = order.rejection ?? { code: 'internal_error' as const, detail: '' };
  const errors = shortages?.map((s) => ({
    pointer: `/items/${s.line - 1}/quantity`,
    detail: `${s.requested} of ${s.sku} were asked for, ${s.available} can be had`,
    sku: s.sku,
    requested: s.requested,
    available: s.available,
  }));
  return new Failure(code, detail, { orderId: order.id, ...(errors === undefined ? {} : { errors }) });
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/** @throws Failure `invalid_request` */
function readIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (!KEY.test(header)) {
    throw new Failure('invalid_request', 'The Idempotency-Key is not valid.', {
      errors: [
        { pointer: 'Idempotency-Key', detail: 'must be 1 to 255 printable ASCII characters without spaces' },
      ],
    });
  }
  return header;
}

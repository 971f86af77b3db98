import { type Request, type Response, Router } from 'express';
import { resourceNotFound } from './errors';
import type { IntentRecord } from './store/records';
import { getOrderId, type Store } from './store/store';
import { assertKnownParams, parseInteger, parseText } from './stripe/params';

/** Minor units by currency (lower case). */
type Amounts = Record<string, number>;

export interface BookTotals {
  intents: number;
  refunds: number;
  by_status: Record<string, number>;
  /** Authorized, not yet captured or released. */
  authorized_minor: Amounts;
  captured_minor: Amounts;
  refunded_minor: Amounts;
}

/** Amounts in minor units of `currency`. */
export interface BookRow {
  id: string;
  order_id: string | null;
  status: string;
  currency: string;
  amount: number;
  amount_captured: number;
  amount_refunded: number;
  /** Unix seconds. */
  created: number;
}

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1000;

/** Totals of all intents and refunds, to compare with the system's own records. */
export function computeBookTotals(store: Store): BookTotals {
  const totals: BookTotals = {
    intents: store.intentCount,
    refunds: store.refundCount,
    by_status: {},
    authorized_minor: {},
    captured_minor: {},
    refunded_minor: {},
  };
  const add = (amounts: Amounts, name: string, amount: number) => {
    amounts[name] = (amounts[name] ?? 0) + amount;
  };
  for (const intent of store.listIntents()) {
    add(totals.by_status, intent.status, 1);
    if (intent.status === 'requires_capture') add(totals.authorized_minor, intent.currency, intent.amount);
    if (intent.amountCaptured > 0) add(totals.captured_minor, intent.currency, intent.amountCaptured);
    if (intent.amountRefunded > 0) add(totals.refunded_minor, intent.currency, intent.amountRefunded);
  }
  return totals;
}

/** Orders with more than one intent that is authorized, or captured and not fully refunded. */
export function findDoublePayments(store: Store): { order_id: string; intents: BookRow[] }[] {
  return [...store.listOrderIds()]
    .map((orderId) => ({
      order_id: orderId,
      intents: store.findIntentsByOrder(orderId).filter(hasUnrefundedFunds).map(toBookRow),
    }))
    .filter(({ intents }) => intents.length > 1);
}

const hasUnrefundedFunds = (intent: IntentRecord): boolean =>
  intent.status === 'requires_capture' ||
  (intent.status === 'succeeded' && intent.amountCaptured > intent.amountRefunded);

const toBookRow = (intent: IntentRecord): BookRow => ({
  id: intent.id,
  order_id: getOrderId(intent),
  status: intent.status,
  currency: intent.currency,
  amount: intent.amount,
  amount_captured: intent.amountCaptured,
  amount_refunded: intent.amountRefunded,
  created: intent.created,
});

/**
 * `GET /_simulator/books`, `/intents?order_id=&cursor=&limit=` (oldest first; `next_cursor` null at the end) and
 * `/double-payments`.
 */
export function createBookRouter(store: Store): Router {
  return Router()
    .get('/', (_req: Request, res: Response) => {
      res.json(computeBookTotals(store));
    })
    .get('/double-payments', (_req: Request, res: Response) => {
      res.json({ data: findDoublePayments(store) });
    })
    .get('/intents', (req: Request, res: Response) => {
      const params = { ...req.query };
      assertKnownParams(params, ['order_id', 'cursor', 'limit']);
      const orderId = parseText(params, 'order_id');
      const cursor = parseText(params, 'cursor');
      if (cursor !== null && store.getPosition(cursor) < 0)
        throw resourceNotFound('cursor', cursor, 'cursor', 400);
      const limit = Math.min(parseInteger(params, 'limit', 1) ?? DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
      const after = cursor === null ? -1 : store.getPosition(cursor);
      // One more than `limit`: its presence means that there is a next page.
      const intents =
        orderId === null
          ? store.sliceIntents(after + 1, after + 2 + limit)
          : store.findIntentsByOrder(orderId).filter(({ id }) => store.getPosition(id) > after);
      const page = intents.slice(0, limit);
      res.json({ data: page.map(toBookRow), next_cursor: intents.length > limit ? page.at(-1)!.id : null });
    });
}

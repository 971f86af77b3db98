import { type Request, type Response, Router } from 'express';
import { noSuch } from './errors';
import { allowOnly, integer, text } from './forms';
import type { IntentRecord } from './records';
import { orderOf, type Store } from './store';

/** Minor units by currency (lower case). */
type Amounts = Record<string, number>;

export interface BookTotals {
  intents: number;
  refunds: number;
  by_status: Record<string, number>;
  /** Authorized and neither captured nor released yet. */
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

const PAGE_DEFAULT = 100;
const PAGE_MAX = 1000;

/** What the simulator holds, all of it: an independent witness for the shop's own ledger. */
export function bookTotals(store: Store): BookTotals {
  const totals: BookTotals = {
    intents: store.intentCount,
    refunds: store.refundCount,
    by_status: {},
    authorized_minor: {},
    captured_minor: {},
    refunded_minor: {},
  };
  const add = (to: Amounts, name: string, amount: number) => {
    to[name] = (to[name] ?? 0) + amount;
  };
  for (const intent of store.intents()) {
    add(totals.by_status, intent.status, 1);
    if (intent.status === 'requires_capture') add(totals.authorized_minor, intent.currency, intent.amount);
    if (intent.amountCaptured > 0) add(totals.captured_minor, intent.currency, intent.amountCaptured);
    if (intent.amountRefunded > 0) add(totals.refunded_minor, intent.currency, intent.amountRefunded);
  }
  return totals;
}

/** Orders that more than one intent holds money of: authorized, or captured and not wholly refunded. */
export function doublePayments(store: Store): { order_id: string; intents: BookRow[] }[] {
  return [...store.orderIds()]
    .map((orderId) => ({
      order_id: orderId,
      intents: store.intentsOfOrder(orderId).filter(holdsMoney).map(row),
    }))
    .filter(({ intents }) => intents.length > 1);
}

const holdsMoney = (intent: IntentRecord): boolean =>
  intent.status === 'requires_capture' ||
  (intent.status === 'succeeded' && intent.amountCaptured > intent.amountRefunded);

const row = (intent: IntentRecord): BookRow => ({
  id: intent.id,
  order_id: orderOf(intent),
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
export function bookRoutes(store: Store): Router {
  return Router()
    .get('/', (_req: Request, res: Response) => {
      res.json(bookTotals(store));
    })
    .get('/double-payments', (_req: Request, res: Response) => {
      res.json({ data: doublePayments(store) });
    })
    .get('/intents', (req: Request, res: Response) => {
      const params = { ...req.query };
      allowOnly(params, ['order_id', 'cursor', 'limit']);
      const orderId = text(params, 'order_id');
      const cursor = text(params, 'cursor');
      if (cursor !== null && store.position(cursor) < 0) throw noSuch('cursor', cursor, 'cursor', 400);
      const limit = Math.min(integer(params, 'limit', 1) ?? PAGE_DEFAULT, PAGE_MAX);
      const after = cursor === null ? -1 : store.position(cursor);
      // One more than asked for tells whether there is a next page.
      const found =
        orderId === null
          ? store.slice(after + 1, after + 2 + limit)
          : store.intentsOfOrder(orderId).filter(({ id }) => store.position(id) > after);
      const page = found.slice(0, limit);
      res.json({ data: page.map(row), next_cursor: found.length > limit ? page.at(-1)!.id : null });
    });
}

import type { InventoryItem, StockMovement } from '../../api/inventory/schemas';
import type { Order } from '../../api/orders/schemas';
import type { BookRow } from '../../dev/payment-simulator/books';
import type { CheckCode, Finding } from '../../verification/findings';
import { DECLINED_CARD } from '../system/orders/orders';
import { LIMITED_STOCK_SKUS } from './monkey/customer-plan';
import type { ClientObservations } from './monkey/customers';

/** All that is known at the end, from witnesses that do not know of each other. */
export interface Evidence {
  observations: readonly ClientObservations[];
  /** As the API tells of them, one by one: what customers were told of. */
  orders: ReadonlyMap<string, Order>;
  /** Ids in the API's list of all orders. */
  listedOrderIds: readonly string[];
  /** What each placement is answered when it is sent once more at the end: its order's id, or null. */
  replayedOrderIds: ReadonlyMap<ClientObservations, string | null>;
  stock: readonly InventoryItem[];
  /** By product: what changed its units on hand. */
  movements: ReadonlyMap<string, readonly StockMovement[]>;
  /** The payment simulator's books. */
  intents: readonly BookRow[];
  /** Orders that the simulator's books call paid twice. */
  doublePaidOrderIds: readonly string[];
  /** Of `npm run verify`. */
  findings: readonly Finding[];
  /** Mails that the history of an order says were sent, by kind. */
  mails: ReadonlyMap<string, readonly string[]>;
}

/** All zero, or something is broken. */
export interface Counters {
  /** Accepted orders and cancellations that are not there, orders nobody placed, answers that contradict each other. */
  lost: number;
  /** Orders that were paid more than once. */
  doublePayments: number;
  /** Units. */
  stockDrift: number;
  /** Minor units. */
  moneyDrift: number;
  /** Breaks of the log's chains and of their anchors in the workflows' histories. */
  chainBreaks: number;
  /** Orders that are not decided, and placements that were never answered. */
  stuck: number;
  /** Mails that are owed and were not sent. */
  unsent: number;
  /** Everything else that `verify` finds, and answers of 500. */
  findings: number;
}

export interface Problem {
  counter: keyof Counters;
  subject: string;
  detail: string;
  /** What it adds to the counter. */
  amount: number;
}

/** Holds what customers were told, the API, the payment simulator's books and `verify` against each other. */
export function checkInvariants(evidence: Evidence): Problem[] {
  return [
    ...findLostOrders(evidence),
    ...findLostCancellations(evidence),
    ...findWrongDecisions(evidence),
    ...findServerErrors(evidence),
    ...findDoublePayments(evidence),
    ...findStockDrift(evidence),
    ...findReceiptDrift(evidence),
    ...findMoneyDrift(evidence),
    ...toProblems(evidence),
    ...findStuckOrders(evidence),
    ...findUnsentMails(evidence),
  ];
}

export function countProblems(problems: readonly Problem[]): Counters {
  const counters: Counters = {
    lost: 0,
    doublePayments: 0,
    stockDrift: 0,
    moneyDrift: 0,
    chainBreaks: 0,
    stuck: 0,
    unsent: 0,
    findings: 0,
  };
  for (const { counter, amount } of problems) counters[counter] += amount;
  return counters;
}

const createProblem = (counter: keyof Counters, subject: string, detail: string, amount = 1): Problem => ({
  counter,
  subject,
  detail,
  amount,
});
const getSubject = ({ plan, orderId }: ClientObservations): string => orderId ?? plan.idempotencyKey;

function findLostOrders({ observations, orders, listedOrderIds, replayedOrderIds }: Evidence): Problem[] {
  const known = new Set(observations.map(({ orderId }) => orderId));
  const inList = new Set(listedOrderIds);
  return [
    ...observations.flatMap((t) =>
      t.violations.map((detail) => createProblem('lost', getSubject(t), detail)),
    ),
    ...observations.flatMap((t) => {
      const id = t.orderId;
      if (id === null) return [];
      if (!orders.has(id) || !inList.has(id))
        return [createProblem('lost', id, 'it was accepted and is not there')];
      const again = replayedOrderIds.get(t);
      return again === id ? [] : [createProblem('lost', id, `its key gives ${again ?? 'nothing'} now`)];
    }),
    ...listedOrderIds
      .filter((id) => !known.has(id))
      .map((id) => createProblem('lost', id, 'nobody was told of this order')),
    ...findDuplicates(observations.flatMap((t) => t.orderId ?? [])).map((id) =>
      createProblem('lost', id, 'two keys gave this order'),
    ),
    ...findDuplicates(listedOrderIds).map((id) => createProblem('lost', id, 'it is listed twice')),
  ];
}

const findDuplicates = (items: readonly string[]): string[] =>
  items.filter((item, i) => items.indexOf(item) !== i);

/** An accepted cancellation ends the order; a refused one says that it has ended already. */
function findLostCancellations({ observations, orders }: Evidence): Problem[] {
  return observations.flatMap((t) => {
    const status = orders.get(t.orderId ?? '')?.status;
    if (status === undefined) return [];
    const goesOn = !CLOSED_STATUSES.includes(status) && status !== 'cancelling';
    const wrong = goesOn ? t.cancellations : [];
    const unasked = status === 'cancelled' && t.plan.cancel === null;
    return [
      ...wrong.map(({ method, outcome }) =>
        createProblem(
          'lost',
          getSubject(t),
          `its cancellation (${method}) was ${outcome} and it is ${status}`,
        ),
      ),
      ...(unasked ? [createProblem('lost', getSubject(t), 'it is cancelled and nobody asked for that')] : []),
    ];
  });
}

/** The payment method says how a payment ends, whatever is killed meanwhile. */
function findWrongDecisions({ observations, orders }: Evidence): Problem[] {
  return observations.flatMap((t) => {
    const order = orders.get(t.orderId ?? '');
    if (order === undefined) return [];
    const declines = t.plan.body.payment.method === DECLINED_CARD;
    const code = order.rejection?.code;
    if (order.status === 'confirmed' && declines) {
      return [createProblem('lost', order.id, 'its payment must be declined and it is confirmed')];
    }
    if (code === 'out_of_stock') {
      const mayBe = t.plan.body.items.some(({ sku }) => LIMITED_STOCK_SKUS.includes(sku));
      return mayBe
        ? []
        : [createProblem('lost', order.id, 'there is stock for it and it is rejected: out_of_stock')];
    }
    if (code !== undefined && !(code === 'payment_declined' && declines)) {
      return [createProblem('lost', order.id, `its payment must succeed and it is rejected: ${code}`)];
    }
    return [];
  });
}

/** Whatever is away meanwhile is answered with 503, or not at all. */
function findServerErrors({ observations }: Evidence): Problem[] {
  return observations.flatMap((t) => {
    const count = t.responseCounts['500'] ?? 0;
    return count === 0 ? [] : [createProblem('findings', getSubject(t), `${count} answers of 500`, count)];
  });
}

function findDoublePayments({ intents, doublePaidOrderIds }: Evidence): Problem[] {
  const captured = intents.filter((intent) => intent.amount_captured > 0);
  const orderIds = [
    ...doublePaidOrderIds,
    ...findDuplicates(captured.map((intent) => intent.order_id ?? intent.id)),
  ];
  return [...new Set(orderIds)].map((id) =>
    createProblem('doublePayments', id, 'it was paid more than once'),
  );
}

/** What is reserved is what confirmed orders are made of: nothing is shipped here. */
function findStockDrift({ orders, stock }: Evidence): Problem[] {
  const owed = new Map<string, number>();
  for (const { status, lines } of orders.values()) {
    if (status !== 'confirmed') continue;
    for (const { sku, quantity } of lines) owed.set(sku, (owed.get(sku) ?? 0) + quantity);
  }
  return stock.flatMap(({ sku, onHand, reserved }) => {
    const units = owed.get(sku) ?? 0;
    const drift = Math.abs(reserved - units);
    const oversold = Math.max(0, reserved - onHand);
    const detail = `${onHand} on hand, ${reserved} reserved, ${units} in confirmed orders`;
    return drift + oversold === 0 ? [] : [createProblem('stockDrift', sku, detail, drift + oversold)];
  });
}

/** What is on hand is what there was at first and what was delivered since, each delivery once. */
function findReceiptDrift({ observations, stock, movements }: Evidence): Problem[] {
  const delivered = new Map<string, number>();
  for (const { stockReceipt } of observations.map(({ plan }) => plan)) {
    if (stockReceipt !== null)
      delivered.set(stockReceipt.sku, (delivered.get(stockReceipt.sku) ?? 0) + stockReceipt.units);
  }
  return stock.flatMap(({ sku, onHand }) => {
    const moved = movements.get(sku) ?? [];
    const sum = (some: readonly StockMovement[]) => some.reduce((units, { delta }) => units + delta, 0);
    const received = sum(moved.filter(({ reason }) => reason === 'received'));
    const wanted = delivered.get(sku) ?? 0;
    const drift = Math.abs(onHand - sum(moved)) + Math.abs(received - wanted);
    const detail = `${onHand} on hand, movements of ${sum(moved)}, ${received} of ${wanted} delivered`;
    return drift === 0 ? [] : [createProblem('stockDrift', sku, detail, drift)];
  });
}

/** A confirmed order owes its total, every other one nothing. */
function findMoneyDrift({ orders, intents }: Evidence): Problem[] {
  const kept = new Map<string, number>();
  for (const intent of intents) {
    const of = intent.order_id ?? intent.id;
    const heldMinor = intent.status === 'requires_capture' ? intent.amount : 0;
    const keptMinor = intent.amount_captured - intent.amount_refunded + heldMinor;
    kept.set(of, (kept.get(of) ?? 0) + keptMinor);
  }
  return [...new Set([...orders.keys(), ...kept.keys()])].flatMap((id) => {
    const order = orders.get(id);
    const owedMinor = order?.status === 'confirmed' ? order.total.amount : 0;
    const keptMinor = kept.get(id) ?? 0;
    const detail = `${order?.status ?? 'no order'}: ${owedMinor} owed, ${keptMinor} kept`;
    return owedMinor === keptMinor
      ? []
      : [createProblem('moneyDrift', id, detail, Math.abs(owedMinor - keptMinor))];
  });
}

const CHAIN_CHECKS: readonly CheckCode[] = ['chain_broken', 'anchor_mismatch', 'log_incomplete'];

function toProblems({ findings }: Evidence): Problem[] {
  return findings.map(({ check, subject, detail }) =>
    createProblem(CHAIN_CHECKS.includes(check) ? 'chainBreaks' : 'findings', subject, `${check}: ${detail}`),
  );
}

const CLOSED_STATUSES: readonly Order['status'][] = ['rejected', 'cancelled'];
const SETTLED_STATUSES: readonly Order['status'][] = ['confirmed', ...CLOSED_STATUSES];

/** Whether nothing more is to be expected of the order, by what its customer was told. */
export function isSettled({ status, attention }: Order, { cancellations }: ClientObservations): boolean {
  const cancels = cancellations.some(({ outcome }) => outcome === 'accepted');
  return (cancels ? CLOSED_STATUSES : SETTLED_STATUSES).includes(status) && attention === null;
}

function findStuckOrders({ observations, orders }: Evidence): Problem[] {
  return observations.flatMap((t) => {
    if (t.orderId === null)
      return [createProblem('stuck', getSubject(t), 'its placement was never answered')];
    const order = orders.get(t.orderId);
    if (order === undefined || (SETTLED_STATUSES.includes(order.status) && order.attention === null))
      return [];
    return [
      createProblem(
        'stuck',
        order.id,
        `it is ${order.status}${order.attention ? ', and needs attention' : ''}`,
      ),
    ];
  });
}

function findUnsentMails({ orders, mails }: Evidence): Problem[] {
  return [...orders.values()].flatMap((order) =>
    listExpectedMails(order)
      .filter((kind) => !mails.get(order.id)?.includes(kind))
      .map((kind) => createProblem('unsent', order.id, `${kind} was not sent`)),
  );
}

/** At least: an order that was cancelled may have been confirmed before. */
export function listExpectedMails({ status, rejection }: Order): string[] {
  switch (status) {
    case 'confirmed':
      return ['order_confirmed'];
    case 'cancelled':
      return ['order_cancelled'];
    case 'rejected':
      return [rejection?.code === 'out_of_stock' ? 'order_out_of_stock' : 'payment_declined'];
    default:
      return [];
  }
}

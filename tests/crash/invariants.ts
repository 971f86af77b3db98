import type { InventoryItem, StockMovement } from '../../api/inventory/schemas';
import type { Order } from '../../api/orders/schemas';
import type { BookRow } from '../../dev/payment-simulator/books';
import type { CheckCode, Finding } from '../../verification/findings';
import { DECLINED_CARD } from '../system/orders/orders';
import { LIMITED_STOCK_SKUS } from './monkey/customer-plan';
import type { ClientObservations } from './monkey/customers';

/** The final state of a run, read from independent sources. */
export interface Evidence {
  observations: readonly ClientObservations[];
  /** The orders that customers received an id of, as returned by `GET /api/orders/:id`. */
  orders: ReadonlyMap<string, Order>;
  /** Ids in `GET /api/orders`. */
  listedOrderIds: readonly string[];
  /** The order id in the response to each placement when it is repeated at the end, or null. */
  replayedOrderIds: ReadonlyMap<ClientObservations, string | null>;
  stock: readonly InventoryItem[];
  /** Stock movements by sku. */
  movements: ReadonlyMap<string, readonly StockMovement[]>;
  /** The payment simulator's books. */
  intents: readonly BookRow[];
  /** Double payments according to the simulator's books. */
  doublePaidOrderIds: readonly string[];
  /** Output of `npm run verify`. */
  findings: readonly Finding[];
  /** Kinds of the sent mails in the history of each order. */
  mails: ReadonlyMap<string, readonly string[]>;
}

/** Any value above zero is a defect. */
export interface Counters {
  /** Accepted orders and cancellations that are missing, orders that were never placed, contradictory responses. */
  lost: number;
  /** Orders that were paid more than once. */
  doublePayments: number;
  /** Units. */
  stockDrift: number;
  /** Minor units. */
  moneyDrift: number;
  /** Defects of hash chains and of their anchors in workflow histories. */
  chainBreaks: number;
  /** Undecided orders, and placements without a response. */
  stuck: number;
  /** Expected mails that were not sent. */
  unsent: number;
  /** Other findings of `verify`, and responses with status 500. */
  findings: number;
}

export interface Problem {
  counter: keyof Counters;
  subject: string;
  detail: string;
  /** Added to the counter. */
  amount: number;
}

/** Compares client observations, the API, the payment simulator's books and `verify`. */
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
  const observedIds = new Set(observations.map(({ orderId }) => orderId));
  const listedIds = new Set(listedOrderIds);
  return [
    ...observations.flatMap((t) =>
      t.violations.map((detail) => createProblem('lost', getSubject(t), detail)),
    ),
    ...observations.flatMap((t) => {
      const id = t.orderId;
      if (id === null) return [];
      if (!orders.has(id) || !listedIds.has(id)) return [createProblem('lost', id, 'accepted, but missing')];
      const replayedId = replayedOrderIds.get(t);
      return replayedId === id
        ? []
        : [createProblem('lost', id, `its idempotency key returns ${replayedId ?? 'no order'}`)];
    }),
    ...listedOrderIds
      .filter((id) => !observedIds.has(id))
      .map((id) => createProblem('lost', id, 'no customer received this order')),
    ...findDuplicates(observations.flatMap((t) => t.orderId ?? [])).map((id) =>
      createProblem('lost', id, 'two idempotency keys returned this order'),
    ),
    ...findDuplicates(listedOrderIds).map((id) => createProblem('lost', id, 'listed twice')),
  ];
}

const findDuplicates = (items: readonly string[]): string[] =>
  items.filter((item, i) => items.indexOf(item) !== i);

/** An accepted cancellation closes the order; a rejected one means that it was already closed. */
function findLostCancellations({ observations, orders }: Evidence): Problem[] {
  return observations.flatMap((t) => {
    const status = orders.get(t.orderId ?? '')?.status;
    if (status === undefined) return [];
    const isOpen = !CLOSED_STATUSES.includes(status) && status !== 'cancelling';
    const ineffective = isOpen ? t.cancellations : [];
    const unrequested = status === 'cancelled' && t.plan.cancel === null;
    return [
      ...ineffective.map(({ method, outcome }) =>
        createProblem(
          'lost',
          getSubject(t),
          `cancellation (${method}) was ${outcome}, but the order is ${status}`,
        ),
      ),
      ...(unrequested ? [createProblem('lost', getSubject(t), 'cancelled without a request')] : []),
    ];
  });
}

/** The payment method determines the outcome of the payment, regardless of kills. */
function findWrongDecisions({ observations, orders }: Evidence): Problem[] {
  return observations.flatMap((t) => {
    const order = orders.get(t.orderId ?? '');
    if (order === undefined) return [];
    const isDeclinedCard = t.plan.body.payment.method === DECLINED_CARD;
    const code = order.rejection?.code;
    if (order.status === 'confirmed' && isDeclinedCard) {
      return [createProblem('lost', order.id, 'confirmed, but its payment must be declined')];
    }
    if (code === 'out_of_stock') {
      const isLimited = t.plan.body.items.some(({ sku }) => LIMITED_STOCK_SKUS.includes(sku));
      return isLimited
        ? []
        : [createProblem('lost', order.id, 'rejected with out_of_stock, but stock is available')];
    }
    if (code !== undefined && !(code === 'payment_declined' && isDeclinedCard)) {
      return [createProblem('lost', order.id, `rejected with ${code}, but its payment must succeed`)];
    }
    return [];
  });
}

/** An unavailable dependency must cause 503 or no response, never 500. */
function findServerErrors({ observations }: Evidence): Problem[] {
  return observations.flatMap((t) => {
    const count = t.responseCounts['500'] ?? 0;
    return count === 0
      ? []
      : [createProblem('findings', getSubject(t), `${count} responses with status 500`, count)];
  });
}

function findDoublePayments({ intents, doublePaidOrderIds }: Evidence): Problem[] {
  const captured = intents.filter((intent) => intent.amount_captured > 0);
  const orderIds = [
    ...doublePaidOrderIds,
    ...findDuplicates(captured.map((intent) => intent.order_id ?? intent.id)),
  ];
  return [...new Set(orderIds)].map((id) => createProblem('doublePayments', id, 'paid more than once'));
}

/** Reserved units equal the units of confirmed orders: a run ships nothing. */
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

/** Units on hand equal the sum of movements, and each planned stock receipt is recorded once. */
function findReceiptDrift({ observations, stock, movements }: Evidence): Problem[] {
  const planned = new Map<string, number>();
  for (const { stockReceipt } of observations.map(({ plan }) => plan)) {
    if (stockReceipt !== null)
      planned.set(stockReceipt.sku, (planned.get(stockReceipt.sku) ?? 0) + stockReceipt.units);
  }
  return stock.flatMap(({ sku, onHand }) => {
    const all = movements.get(sku) ?? [];
    const sum = (subset: readonly StockMovement[]) => subset.reduce((units, { delta }) => units + delta, 0);
    const received = sum(all.filter(({ reason }) => reason === 'received'));
    const expected = planned.get(sku) ?? 0;
    const drift = Math.abs(onHand - sum(all)) + Math.abs(received - expected);
    const detail = `${onHand} on hand, movements of ${sum(all)}, ${received} of ${expected} units received`;
    return drift === 0 ? [] : [createProblem('stockDrift', sku, detail, drift)];
  });
}

/** The net captured amount equals the total of a confirmed order, and zero for any other. */
function findMoneyDrift({ orders, intents }: Evidence): Problem[] {
  const netMinorById = new Map<string, number>();
  for (const intent of intents) {
    const id = intent.order_id ?? intent.id;
    const authorizedMinor = intent.status === 'requires_capture' ? intent.amount : 0;
    const netMinor = intent.amount_captured - intent.amount_refunded + authorizedMinor;
    netMinorById.set(id, (netMinorById.get(id) ?? 0) + netMinor);
  }
  return [...new Set([...orders.keys(), ...netMinorById.keys()])].flatMap((id) => {
    const order = orders.get(id);
    const owedMinor = order?.status === 'confirmed' ? order.total.amount : 0;
    const netMinor = netMinorById.get(id) ?? 0;
    const detail = `${order?.status ?? 'no order'}: ${owedMinor} owed, ${netMinor} captured or authorized`;
    return owedMinor === netMinor
      ? []
      : [createProblem('moneyDrift', id, detail, Math.abs(owedMinor - netMinor))];
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

/** Whether the order has its final state, considering the cancellations that its client observed. */
export function isSettled({ status, attention }: Order, { cancellations }: ClientObservations): boolean {
  const isCancelled = cancellations.some(({ outcome }) => outcome === 'accepted');
  return (isCancelled ? CLOSED_STATUSES : SETTLED_STATUSES).includes(status) && attention === null;
}

function findStuckOrders({ observations, orders }: Evidence): Problem[] {
  return observations.flatMap((t) => {
    if (t.orderId === null) return [createProblem('stuck', getSubject(t), 'its placement has no response')];
    const order = orders.get(t.orderId);
    if (order === undefined || (SETTLED_STATUSES.includes(order.status) && order.attention === null))
      return [];
    return [
      createProblem('stuck', order.id, `${order.status}${order.attention ? ', requires attention' : ''}`),
    ];
  });
}

function findUnsentMails({ orders, mails }: Evidence): Problem[] {
  return [...orders.values()].flatMap((order) =>
    listExpectedMails(order)
      .filter((kind) => !mails.get(order.id)?.includes(kind))
      .map((kind) => createProblem('unsent', order.id, `${kind} not sent`)),
  );
}

/** The mails that must be sent; a cancelled order may have a confirmation mail, too. */
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

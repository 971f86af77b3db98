import type { InventoryItem, StockMovement } from '../../api/inventory/schemas';
import type { Order } from '../../api/orders/schemas';
import type { BookRow } from '../../dev/payment-simulator/books';
import type { CheckCode, Finding } from '../../verification/findings';
import { DECLINED } from '../system/orders/orders';
import { MAY_RUN_OUT } from './monkey/customer-plan';
import type { Told } from './monkey/customers';

/** All that is known at the end, from witnesses that do not know of each other. */
export interface Evidence {
  told: readonly Told[];
  /** As the API tells of them, one by one: what customers were told of. */
  orders: ReadonlyMap<string, Order>;
  /** Ids in the API's list of all orders. */
  listed: readonly string[];
  /** What each placement is answered when it is sent once more at the end: its order's id, or null. */
  replayed: ReadonlyMap<Told, string | null>;
  stock: readonly InventoryItem[];
  /** By product: what changed its units on hand. */
  movements: ReadonlyMap<string, readonly StockMovement[]>;
  /** The payment simulator's books. */
  intents: readonly BookRow[];
  /** Orders that the simulator's books call paid twice. */
  paidTwice: readonly string[];
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
export function reckon(evidence: Evidence): Problem[] {
  return [
    ...lost(evidence),
    ...lostCancellations(evidence),
    ...wronglyDecided(evidence),
    ...serverErrors(evidence),
    ...doublePayments(evidence),
    ...stockDrift(evidence),
    ...deliveryDrift(evidence),
    ...moneyDrift(evidence),
    ...verified(evidence),
    ...stuck(evidence),
    ...unsent(evidence),
  ];
}

export function countersOf(problems: readonly Problem[]): Counters {
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

const problem = (counter: keyof Counters, subject: string, detail: string, amount = 1): Problem => ({
  counter,
  subject,
  detail,
  amount,
});
const nameOf = ({ plan, orderId }: Told): string => orderId ?? plan.idempotencyKey;

function lost({ told, orders, listed, replayed }: Evidence): Problem[] {
  const known = new Set(told.map(({ orderId }) => orderId));
  const inList = new Set(listed);
  return [
    ...told.flatMap((t) => t.broken.map((detail) => problem('lost', nameOf(t), detail))),
    ...told.flatMap((t) => {
      const id = t.orderId;
      if (id === null) return [];
      if (!orders.has(id) || !inList.has(id))
        return [problem('lost', id, 'it was accepted and is not there')];
      const again = replayed.get(t);
      return again === id ? [] : [problem('lost', id, `its key gives ${again ?? 'nothing'} now`)];
    }),
    ...listed
      .filter((id) => !known.has(id))
      .map((id) => problem('lost', id, 'nobody was told of this order')),
    ...twice(told.flatMap((t) => t.orderId ?? [])).map((id) =>
      problem('lost', id, 'two keys gave this order'),
    ),
    ...twice(listed).map((id) => problem('lost', id, 'it is listed twice')),
  ];
}

const twice = (items: readonly string[]): string[] => items.filter((item, i) => items.indexOf(item) !== i);

/** An accepted cancellation ends the order; a refused one says that it has ended already. */
function lostCancellations({ told, orders }: Evidence): Problem[] {
  return told.flatMap((t) => {
    const status = orders.get(t.orderId ?? '')?.status;
    if (status === undefined) return [];
    const goesOn = !ENDED.includes(status) && status !== 'cancelling';
    const wrong = goesOn ? t.cancellations : [];
    const unasked = status === 'cancelled' && t.plan.cancel === null;
    return [
      ...wrong.map(({ way, outcome }) =>
        problem('lost', nameOf(t), `its cancellation (${way}) was ${outcome} and it is ${status}`),
      ),
      ...(unasked ? [problem('lost', nameOf(t), 'it is cancelled and nobody asked for that')] : []),
    ];
  });
}

/** The payment method says how a payment ends, whatever is killed meanwhile. */
function wronglyDecided({ told, orders }: Evidence): Problem[] {
  return told.flatMap((t) => {
    const order = orders.get(t.orderId ?? '');
    if (order === undefined) return [];
    const declines = t.plan.body.payment.method === DECLINED;
    const code = order.rejection?.code;
    if (order.status === 'confirmed' && declines) {
      return [problem('lost', order.id, 'its payment must be declined and it is confirmed')];
    }
    if (code === 'out_of_stock') {
      const mayBe = t.plan.body.items.some(({ sku }) => MAY_RUN_OUT.includes(sku));
      return mayBe
        ? []
        : [problem('lost', order.id, 'there is stock for it and it is rejected: out_of_stock')];
    }
    if (code !== undefined && !(code === 'payment_declined' && declines)) {
      return [problem('lost', order.id, `its payment must succeed and it is rejected: ${code}`)];
    }
    return [];
  });
}

/** Whatever is away meanwhile is answered with 503, or not at all. */
function serverErrors({ told }: Evidence): Problem[] {
  return told.flatMap((t) => {
    const count = t.answers['500'] ?? 0;
    return count === 0 ? [] : [problem('findings', nameOf(t), `${count} answers of 500`, count)];
  });
}

function doublePayments({ intents, paidTwice }: Evidence): Problem[] {
  const captured = intents.filter((intent) => intent.amount_captured > 0);
  const orderIds = [...paidTwice, ...twice(captured.map((intent) => intent.order_id ?? intent.id))];
  return [...new Set(orderIds)].map((id) => problem('doublePayments', id, 'it was paid more than once'));
}

/** What is reserved is what confirmed orders are made of: nothing is shipped here. */
function stockDrift({ orders, stock }: Evidence): Problem[] {
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
    return drift + oversold === 0 ? [] : [problem('stockDrift', sku, detail, drift + oversold)];
  });
}

/** What is on hand is what there was at first and what was delivered since, each delivery once. */
function deliveryDrift({ told, stock, movements }: Evidence): Problem[] {
  const delivered = new Map<string, number>();
  for (const { delivery } of told.map(({ plan }) => plan)) {
    if (delivery !== null) delivered.set(delivery.sku, (delivered.get(delivery.sku) ?? 0) + delivery.units);
  }
  return stock.flatMap(({ sku, onHand }) => {
    const moved = movements.get(sku) ?? [];
    const sum = (some: readonly StockMovement[]) => some.reduce((units, { delta }) => units + delta, 0);
    const received = sum(moved.filter(({ reason }) => reason === 'received'));
    const wanted = delivered.get(sku) ?? 0;
    const drift = Math.abs(onHand - sum(moved)) + Math.abs(received - wanted);
    const detail = `${onHand} on hand, movements of ${sum(moved)}, ${received} of ${wanted} delivered`;
    return drift === 0 ? [] : [problem('stockDrift', sku, detail, drift)];
  });
}

/** A confirmed order owes its total, every other one nothing. */
function moneyDrift({ orders, intents }: Evidence): Problem[] {
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
      : [problem('moneyDrift', id, detail, Math.abs(owedMinor - keptMinor))];
  });
}

const OF_CHAINS: readonly CheckCode[] = ['chain_broken', 'anchor_mismatch', 'log_incomplete'];

function verified({ findings }: Evidence): Problem[] {
  return findings.map(({ check, subject, detail }) =>
    problem(OF_CHAINS.includes(check) ? 'chainBreaks' : 'findings', subject, `${check}: ${detail}`),
  );
}

const ENDED: readonly Order['status'][] = ['rejected', 'cancelled'];
const RESTING: readonly Order['status'][] = ['confirmed', ...ENDED];

/** Whether nothing more is to be expected of the order, by what its customer was told. */
export function isSettled({ status, attention }: Order, { cancellations }: Told): boolean {
  const cancels = cancellations.some(({ outcome }) => outcome === 'accepted');
  return (cancels ? ENDED : RESTING).includes(status) && attention === null;
}

function stuck({ told, orders }: Evidence): Problem[] {
  return told.flatMap((t) => {
    if (t.orderId === null) return [problem('stuck', nameOf(t), 'its placement was never answered')];
    const order = orders.get(t.orderId);
    if (order === undefined || (RESTING.includes(order.status) && order.attention === null)) return [];
    return [
      problem('stuck', order.id, `it is ${order.status}${order.attention ? ', and needs attention' : ''}`),
    ];
  });
}

function unsent({ orders, mails }: Evidence): Problem[] {
  return [...orders.values()].flatMap((order) =>
    mailsOwed(order)
      .filter((kind) => !mails.get(order.id)?.includes(kind))
      .map((kind) => problem('unsent', order.id, `${kind} was not sent`)),
  );
}

/** At least: an order that was cancelled may have been confirmed before. */
export function mailsOwed({ status, rejection }: Order): string[] {
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

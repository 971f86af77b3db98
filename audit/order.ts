import type { StoredReservation } from '../db/audit';
import type { LedgerRow } from '../db/payment-ledger';
import { canonicalJson } from '../domain/canonical-json';
import type { CloudEvent } from '../domain/events';
import type { Order } from '../domain/order';
import { isClosed } from '../domain/order';
import type { OrderSnapshot } from '../domain/order-events';
import type { Finding } from './findings';

/** All that SQL holds of one order. */
export interface StoredOrder {
  id: string;
  order: Order | null;
  /** Of its own stream, oldest first. */
  events: CloudEvent[];
  ledger: LedgerRow[];
  reservations: StoredReservation[];
}

/** Holds an order's rows against each other. Pure: an order that is moving may be read again. */
export function checkOrder(stored: StoredOrder): Finding[] {
  if (stored.order === null) {
    return [
      { check: 'projection_mismatch', subject: stored.id, detail: 'the log tells of an order that is gone' },
    ];
  }
  return [
    ...checkProjection(stored, stored.order),
    ...checkMoney(stored, stored.order),
    ...checkReservations(stored, stored.order),
  ];
}

const STATUS_OF: Partial<Record<string, Order['status']>> = {
  OrderCreated: 'placed',
  OrderConfirmed: 'confirmed',
  OrderRejected: 'rejected',
  OrderCancelling: 'cancelling',
  OrderCancelled: 'cancelled',
};

function checkProjection({ id, events }: StoredOrder, order: Order): Finding[] {
  const differs = (detail: string): Finding => ({ check: 'projection_mismatch', subject: id, detail });
  const told = events.filter((e) => e.type in STATUS_OF).at(-1);
  if (told === undefined) return [differs('the log does not tell of this order')];
  const findings: Finding[] = [];
  const status = STATUS_OF[told.type];
  if (status !== order.status) findings.push(differs(`the order is ${order.status}, the log says ${status}`));

  const created = events.find((e) => e.type === 'OrderCreated')?.data;
  const snapshot = told.data.order as OrderSnapshot | undefined;
  const fixed: (keyof Order)[] = [
    'customerId',
    'currency',
    'lines',
    'subtotalMinor',
    'discountMinor',
    'shippingMinor',
    'taxMinor',
    'totalMinor',
    'taxIncluded',
  ];
  for (const field of fixed) {
    if (canonicalJson(created?.[field]) !== canonicalJson(order[field]))
      findings.push(differs(`${field} was altered`));
  }
  if (snapshot !== undefined) {
    if (order.version < snapshot.version) findings.push(differs('the version is older than the log'));
    for (const field of ['cancellation', 'rejection'] as const) {
      if (canonicalJson(snapshot[field]) !== canonicalJson(order[field]))
        findings.push(differs(`${field} was altered`));
    }
  }
  return findings;
}

/** Which event tells of a ledger row. */
const TOLD_BY = {
  captured: 'PaymentSucceeded',
  declined: 'PaymentFailed',
  voided: 'PaymentVoided',
  refunded: 'PaymentRefunded',
} as const;

export const ledgerSum = (ledger: readonly LedgerRow[], kind: LedgerRow['kind']): number =>
  ledger.filter((e) => e.kind === kind).reduce((sum, e) => sum + e.amountMinor, 0);

function checkMoney({ id, events, ledger }: StoredOrder, order: Order): Finding[] {
  const wrong = (detail: string): Finding => ({ check: 'money_mismatch', subject: id, detail });
  const findings: Finding[] = [];

  const { subtotalMinor, discountMinor, shippingMinor, taxMinor, totalMinor, taxIncluded } = order;
  if (totalMinor !== subtotalMinor - discountMinor + shippingMinor + (taxIncluded ? 0 : taxMinor)) {
    findings.push(wrong('the total is not what its parts come to'));
  }

  for (const [kind, type] of Object.entries(TOLD_BY) as [keyof typeof TOLD_BY, string][]) {
    const rows = ledger.filter((e) => e.kind === kind).map((e) => e.intentId);
    const told = events
      .filter((e) => e.type === type && e.data.intentId !== null)
      .map((e) => e.data.intentId);
    if (canonicalJson(rows.sort()) !== canonicalJson(told.sort())) {
      findings.push(wrong(`the ledger has ${rows.length} × ${kind}, the log ${told.length} × ${type}`));
    }
    for (const event of events.filter((e) => e.type === type && e.data.amountMinor !== undefined)) {
      const row = ledger.find((e) => e.kind === kind && e.intentId === event.data.intentId);
      if (row !== undefined && row.amountMinor !== event.data.amountMinor) {
        findings.push(
          wrong(`${kind}: the ledger has ${row.amountMinor}, the log ${String(event.data.amountMinor)}`),
        );
      }
    }
  }

  const kept = ledgerSum(ledger, 'captured') - ledgerSum(ledger, 'refunded');
  const owed = order.status === 'confirmed' ? totalMinor : isClosed(order.status) ? 0 : undefined;
  if (owed !== undefined && kept !== owed) findings.push(wrong(`${kept} was kept, ${owed} is owed`));
  const refunded = ledgerSum(ledger, 'refunded') > 0;
  if (order.status === 'confirmed' && order.payment !== 'paid')
    findings.push(wrong(`confirmed, but ${order.payment}`));
  if ((order.payment === 'refunded') !== refunded && isClosed(order.status)) {
    findings.push(
      wrong(`the order says ${order.payment}, the ledger ${refunded ? 'refunded' : 'nothing refunded'}`),
    );
  }
  return findings;
}

function checkReservations({ id, events, reservations }: StoredOrder, order: Order): Finding[] {
  const wrong = (detail: string): Finding => ({ check: 'reservation_mismatch', subject: id, detail });
  const tokens = (type: string): string[] =>
    events
      .filter((e) => e.type === type)
      .flatMap((e) => e.data.reservations as { token: string; quantity: number }[])
      .map((r) => `${r.token}=${r.quantity}`)
      .sort();
  const rows = (state?: string): string[] =>
    reservations
      .filter((r) => state === undefined || r.state === state)
      .map((r) => `${r.id}=${r.quantity}`)
      .sort();
  const findings: Finding[] = [];
  if (canonicalJson(tokens('StockReserved')) !== canonicalJson(rows())) {
    findings.push(wrong('the reservations are not those the log tells of'));
  }
  if (canonicalJson(tokens('StockReleased')) !== canonicalJson(rows('released'))) {
    findings.push(wrong('the reservations given back are not those the log tells of'));
  }
  const held = rows('held').length;
  if (isClosed(order.status) && held > 0)
    findings.push(wrong(`the order is ${order.status} and holds ${held}`));
  if (order.status === 'confirmed') {
    const units = (sku: string) =>
      reservations.filter((r) => r.state === 'held' && r.sku === sku).reduce((sum, r) => sum + r.quantity, 0);
    const wanted = new Map<string, number>();
    for (const line of order.lines) wanted.set(line.sku, (wanted.get(line.sku) ?? 0) + line.quantity);
    for (const [sku, quantity] of wanted) {
      if (units(sku) !== quantity)
        findings.push(wrong(`${quantity} of ${sku} are ordered, ${units(sku)} reserved`));
    }
  }
  return findings;
}

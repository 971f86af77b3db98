import type { LedgerRow } from '../db/payments/payment-ledger';
import type { StoredReservation } from '../db/verification/verification-reader';
import { isClosed, type Order, type OrderStatus, type PaymentStatus } from '../domain/orders/order';
import { derivePaymentStatus, type LedgerEntry } from '../domain/payments/payment-ledger';
import { canonicalJson } from '../domain/shared/canonical-json';
import type { CloudEvent } from '../domain/shared/events';
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

/**
 * Holds each kind of an order's rows against its log, not against each other: what differs is what was altered. Pure, so
 * an order that is moving may be read again.
 * @param told the order as its log tells it.
 */
export function checkOrder(stored: StoredOrder, told: Order | undefined): Finding[] {
  if (told === undefined) {
    return [
      { check: 'projection_mismatch', subject: stored.id, detail: 'the log does not tell of this order' },
    ];
  }
  return [...checkProjection(stored, told), ...checkMoney(stored, told), ...checkReservations(stored, told)];
}

function checkProjection({ id, order }: StoredOrder, told: Order): Finding[] {
  const differs = (detail: string): Finding => ({ check: 'projection_mismatch', subject: id, detail });
  if (order === null) return [differs('the log tells of an order that is gone')];
  return (Object.keys(told) as (keyof Order)[]).flatMap((field) => {
    const [row, log] = [canonicalJson(order[field]), canonicalJson(told[field])];
    return row === log ? [] : [differs(`${field} is ${row}, the log says ${log}`)];
  });
}

/** Money is on its way to or from the provider, whose books may be ahead of the ledger. */
export const isPaymentInFlight = (status: OrderStatus | undefined): boolean =>
  status === 'placed' || status === 'cancelling';

export const sumLedger = (ledger: readonly LedgerRow[], kind: LedgerRow['kind']): number =>
  ledger.filter((e) => e.kind === kind).reduce((sum, e) => sum + e.amountMinor, 0);

function checkMoney({ id, events, ledger }: StoredOrder, told: Order): Finding[] {
  const wrong = (detail: string): Finding => ({ check: 'money_mismatch', subject: id, detail });
  const findings: Finding[] = [];

  const { subtotalMinor, discountMinor, shippingMinor, taxMinor, totalMinor, taxIncluded } = told;
  if (totalMinor !== subtotalMinor - discountMinor + shippingMinor + (taxIncluded ? 0 : taxMinor)) {
    findings.push(wrong('the total is not what its parts come to'));
  }

  const rows = ledger.map(formatLedgerEntry);
  const log = projectLedger(told, events, ledger);
  findings.push(
    ...multisetDifference(rows, log).map((row) => wrong(`the ledger says ${row}, the log does not`)),
    ...multisetDifference(log, rows).map((row) => wrong(`the log says ${row}, the ledger does not`)),
  );

  const refunded = sumLedger(ledger, 'refunded');
  const kept = sumLedger(ledger, 'captured') - refunded;
  const owed = told.status === 'confirmed' ? totalMinor : isClosed(told.status) ? 0 : undefined;
  if (owed !== undefined && kept !== owed) findings.push(wrong(`${kept} was kept, ${owed} is owed`));
  const expected = derivePayments(told, events, ledger);
  if (!expected.includes(told.payment)) {
    findings.push(wrong(`the payment is ${told.payment}, the ledger amounts to ${expected[0]}`));
  }
  return findings;
}

/** The payment statuses that agree with the ledger. While a payment is in flight, the order may not know of a decline yet. */
function derivePayments(
  { status }: Order,
  events: readonly CloudEvent[],
  ledger: readonly LedgerRow[],
): PaymentStatus[] {
  const failed = new Set(events.filter((e) => e.type === 'PaymentFailed').map((e) => e.data.intentId));
  const reported = ledger.filter((row) => row.kind !== 'declined' || failed.has(row.intentId));
  return (isPaymentInFlight(status) ? [ledger, reported] : [ledger]).map((rows) =>
    derivePaymentStatus(rows, status),
  );
}

type LedgerEntryData = Pick<
  LedgerEntry,
  'kind' | 'amountMinor' | 'currency' | 'provider' | 'intentId' | 'declineCode'
>;

const formatLedgerEntry = ({
  kind,
  amountMinor,
  currency,
  provider,
  intentId,
  declineCode,
}: LedgerEntryData): string =>
  `${amountMinor} ${currency} ${kind} by ${provider} as ${intentId}${declineCode === null ? '' : ` (${declineCode})`}`;

/** The rows that the log tells of. No event tells of an intent before it has come to something. */
function projectLedger(
  { totalMinor, ...order }: Order,
  events: readonly CloudEvent[],
  ledger: readonly LedgerRow[],
): string[] {
  const rows = new Set<string>();
  const answered = new Set<unknown>();
  const tell = (of: Pick<LedgerEntryData, 'kind' | 'provider' | 'intentId'> & Partial<LedgerEntryData>) =>
    rows.add(
      formatLedgerEntry({ amountMinor: totalMinor, currency: order.currency, declineCode: null, ...of }),
    );
  for (const { type, data } of events) {
    const { provider, intentId, amountMinor } = data as unknown as LedgerEntryData;
    const of = { provider, intentId };
    // A try that was given up before it had an intent.
    if (intentId === null) continue;
    if (type === 'PaymentSucceeded' || type === 'PaymentFailed') answered.add(intentId);
    switch (type) {
      case 'PaymentSucceeded':
        tell({ kind: 'captured', ...of, amountMinor });
        break;
      case 'PaymentFailed':
        tell({ kind: 'declined', ...of, amountMinor, declineCode: String(data.code) });
        break;
      case 'PaymentVoided':
        tell({ kind: 'voided', ...of });
        break;
      case 'PaymentRefunded':
        tell({ kind: 'refunded', ...of, amountMinor });
        break;
      default:
        continue;
    }
    tell({ kind: 'intent', ...of });
  }
  for (const row of ledger) {
    const { kind, provider, intentId } = row;
    if (kind === 'intent' && (intentId === null || isPaymentInFlight(order.status)))
      tell({ kind, provider, intentId });
    // Written down before the workflow is answered, which may not come about.
    if (kind === 'declined' && !answered.has(intentId)) tell(row);
  }
  return [...rows];
}

function checkReservations({ id, events, reservations }: StoredOrder, told: Order): Finding[] {
  const wrong = (detail: string): Finding => ({ check: 'reservation_mismatch', subject: id, detail });
  const of = (type: CloudEvent['type']) =>
    events.filter((e) => e.type === type).flatMap((e) => e.data.reservations as ReservationPayload[]);
  const released = new Set(of('StockReleased').map((r) => r.token));
  const log = of('StockReserved').map((r) => ({
    ...r,
    id: r.token,
    state: released.has(r.token) ? 'released' : 'held',
  }));
  const [rows, facts] = [reservations.map(formatReservation), log.map(formatReservation)];
  const findings = [
    ...multisetDifference(rows, facts).map((row) => wrong(`the reservations say ${row}, the log does not`)),
    ...multisetDifference(facts, rows).map((row) => wrong(`the log says ${row}, the reservations do not`)),
  ];

  const held = log.filter((r) => r.state === 'held');
  if (isClosed(told.status) && held.length > 0) {
    findings.push(wrong(`the order is ${told.status} and holds ${held.length}`));
  }
  if (told.status === 'confirmed') {
    for (const line of told.lines) {
      const units = held.filter((r) => r.line === line.line).reduce((sum, r) => sum + r.quantity, 0);
      if (units === line.quantity) continue;
      findings.push(wrong(`${line.quantity} of ${line.sku} are ordered, ${units} reserved`));
    }
  }
  return findings;
}

type ReservationPayload = Omit<StoredReservation, 'id' | 'orderId' | 'state'> & { token: string };

const formatReservation = (r: Omit<StoredReservation, 'orderId'>): string =>
  `${r.quantity} × ${r.sku} from ${r.warehouse} ${r.state} as ${r.id}`;

/** What `some` says and `others` does not, each as often as it is said. */
function multisetDifference(some: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return some.filter((fact) => {
    const at = left.indexOf(fact);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

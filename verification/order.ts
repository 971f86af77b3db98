import type { LedgerRow } from '../db/payments/payment-ledger';
import type { StoredReservation } from '../db/verification/verification-reader';
import { isClosed, type Order, type OrderStatus, type PaymentStatus } from '../domain/orders/order';
import { derivePaymentStatus, type LedgerEntry } from '../domain/payments/payment-ledger';
import { canonicalJson } from '../domain/shared/canonical-json';
import type { CloudEvent } from '../domain/shared/events';
import type { Finding } from './findings';

/** All rows of one order. */
export interface StoredOrder {
  id: string;
  order: Order | null;
  /** Events of the order's stream, oldest first. */
  events: CloudEvent[];
  ledger: LedgerRow[];
  reservations: StoredReservation[];
}

/**
 * Compares each kind of an order's rows with its log, not with each other, so a finding names the altered rows.
 * @param projected the order projected from its log.
 */
export function checkOrder(stored: StoredOrder, projected: Order | undefined): Finding[] {
  if (projected === undefined) {
    return [{ check: 'projection_mismatch', subject: stored.id, detail: 'the log has no such order' }];
  }
  return [
    ...checkProjection(stored, projected),
    ...checkMoney(stored, projected),
    ...checkReservations(stored, projected),
  ];
}

function checkProjection({ id, order }: StoredOrder, projected: Order): Finding[] {
  const differs = (detail: string): Finding => ({ check: 'projection_mismatch', subject: id, detail });
  if (order === null) return [differs('the order is missing, its log exists')];
  return (Object.keys(projected) as (keyof Order)[]).flatMap((field) => {
    const [row, log] = [canonicalJson(order[field]), canonicalJson(projected[field])];
    return row === log ? [] : [differs(`${field} is ${row}, in the log ${log}`)];
  });
}

/** Whether a payment or its reversal may be in flight, so that the provider is ahead of the ledger. */
export const isPaymentInFlight = (status: OrderStatus | undefined): boolean =>
  status === 'placed' || status === 'cancelling';

export const sumLedger = (ledger: readonly LedgerRow[], kind: LedgerRow['kind']): number =>
  ledger.filter((e) => e.kind === kind).reduce((sum, e) => sum + e.amountMinor, 0);

function checkMoney({ id, events, ledger }: StoredOrder, projected: Order): Finding[] {
  const mismatch = (detail: string): Finding => ({ check: 'money_mismatch', subject: id, detail });
  const findings: Finding[] = [];

  const { subtotalMinor, discountMinor, shippingMinor, taxMinor, totalMinor, taxIncluded } = projected;
  if (totalMinor !== subtotalMinor - discountMinor + shippingMinor + (taxIncluded ? 0 : taxMinor)) {
    findings.push(mismatch('the total is not the sum of its parts'));
  }

  const rows = ledger.map(formatLedgerEntry);
  const log = projectLedger(projected, events, ledger);
  findings.push(
    ...multisetDifference(rows, log).map((row) => mismatch(`in the ledger, not in the log: ${row}`)),
    ...multisetDifference(log, rows).map((row) => mismatch(`in the log, not in the ledger: ${row}`)),
  );

  const refunded = sumLedger(ledger, 'refunded');
  const retained = sumLedger(ledger, 'captured') - refunded;
  const owed = projected.status === 'confirmed' ? totalMinor : isClosed(projected.status) ? 0 : undefined;
  if (owed !== undefined && retained !== owed) findings.push(mismatch(`retained ${retained}, owed ${owed}`));
  const expected = derivePayments(projected, events, ledger);
  if (!expected.includes(projected.payment)) {
    findings.push(mismatch(`the payment is ${projected.payment}, the ledger amounts to ${expected[0]}`));
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

/** The ledger rows that the log implies. An intent has no event until its payment is settled. */
function projectLedger(
  { totalMinor, ...order }: Order,
  events: readonly CloudEvent[],
  ledger: readonly LedgerRow[],
): string[] {
  const rows = new Set<string>();
  const settled = new Set<unknown>();
  const addRow = (
    entry: Pick<LedgerEntryData, 'kind' | 'provider' | 'intentId'> & Partial<LedgerEntryData>,
  ) =>
    rows.add(
      formatLedgerEntry({ amountMinor: totalMinor, currency: order.currency, declineCode: null, ...entry }),
    );
  for (const { type, data } of events) {
    const { provider, intentId, amountMinor } = data as unknown as LedgerEntryData;
    const entry = { provider, intentId };
    // The attempt was sealed before it had an intent.
    if (intentId === null) continue;
    if (type === 'PaymentSucceeded' || type === 'PaymentFailed') settled.add(intentId);
    switch (type) {
      case 'PaymentSucceeded':
        addRow({ kind: 'captured', ...entry, amountMinor });
        break;
      case 'PaymentFailed':
        addRow({ kind: 'declined', ...entry, amountMinor, declineCode: String(data.code) });
        break;
      case 'PaymentVoided':
        addRow({ kind: 'voided', ...entry });
        break;
      case 'PaymentRefunded':
        addRow({ kind: 'refunded', ...entry, amountMinor });
        break;
      default:
        continue;
    }
    addRow({ kind: 'intent', ...entry });
  }
  for (const row of ledger) {
    const { kind, provider, intentId } = row;
    if (kind === 'intent' && (intentId === null || isPaymentInFlight(order.status)))
      addRow({ kind, provider, intentId });
    // A decline is recorded before the workflow receives it; the response may be lost.
    if (kind === 'declined' && !settled.has(intentId)) addRow(row);
  }
  return [...rows];
}

function checkReservations({ id, events, reservations }: StoredOrder, projected: Order): Finding[] {
  const mismatch = (detail: string): Finding => ({ check: 'reservation_mismatch', subject: id, detail });
  const listReservations = (type: CloudEvent['type']) =>
    events.filter((e) => e.type === type).flatMap((e) => e.data.reservations as ReservationPayload[]);
  const released = new Set(listReservations('StockReleased').map((r) => r.token));
  const log = listReservations('StockReserved').map((r) => ({
    ...r,
    id: r.token,
    state: released.has(r.token) ? 'released' : 'held',
  }));
  const [rows, logged] = [reservations.map(formatReservation), log.map(formatReservation)];
  const findings = [
    ...multisetDifference(rows, logged).map((row) => mismatch(`in the reservations, not in the log: ${row}`)),
    ...multisetDifference(logged, rows).map((row) => mismatch(`in the log, not in the reservations: ${row}`)),
  ];

  const held = log.filter((r) => r.state === 'held');
  if (isClosed(projected.status) && held.length > 0) {
    findings.push(mismatch(`the order is ${projected.status} with ${held.length} live reservations`));
  }
  if (projected.status === 'confirmed') {
    for (const line of projected.lines) {
      const units = held.filter((r) => r.line === line.line).reduce((sum, r) => sum + r.quantity, 0);
      if (units === line.quantity) continue;
      findings.push(mismatch(`${line.quantity} × ${line.sku} ordered, ${units} reserved`));
    }
  }
  return findings;
}

type ReservationPayload = Omit<StoredReservation, 'id' | 'orderId' | 'state'> & { token: string };

const formatReservation = (r: Omit<StoredReservation, 'orderId'>): string =>
  `${r.quantity} × ${r.sku} from ${r.warehouse} ${r.state} as ${r.id}`;

/** The elements of `some` that `others` lacks, with multiplicity. */
function multisetDifference(some: readonly string[], others: readonly string[]): string[] {
  const remaining = [...others];
  return some.filter((element) => {
    const index = remaining.indexOf(element);
    if (index >= 0) remaining.splice(index, 1);
    return index < 0;
  });
}

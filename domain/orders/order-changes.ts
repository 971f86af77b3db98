import { derivePaymentStatus, type LedgerEntry } from '../payments/payment-ledger';
import { deriveFulfilmentStatus } from './fulfilment';
import type { Actor, Attention, Cancellation, Order, PricedCart, Rejection, StockShortage } from './order';
import { assertTransition } from './transitions';

/** Pure state changes: each returns the next version of the order. `payment` is derived from the ledger instead. */

export function placeOrder(
  cart: PricedCart,
  placed: { id: string; customerId: string; placedAtMs: number },
): Order {
  return {
    ...cart,
    ...placed,
    status: 'placed',
    payment: derivePaymentStatus([], 'placed'),
    fulfilment: deriveFulfilmentStatus(cart.lines, []),
    updatedAtMs: placed.placedAtMs,
    version: 1,
    cancellation: null,
    rejection: null,
    attention: null,
  };
}

/** @param ledger all entries of the order's payment ledger. */
export const withPaymentStatus = (
  order: Order,
  ledger: readonly Pick<LedgerEntry, 'kind' | 'amountMinor'>[],
): Order => ({ ...order, payment: derivePaymentStatus(ledger, order.status) });

const updateOrder = (order: Order, atMs: number, fields: Partial<Order>): Order => {
  if (fields.status !== undefined) assertTransition(order.status, fields.status);
  return { ...order, ...fields, updatedAtMs: atMs, version: order.version + 1 };
};

export const confirmOrder = (order: Order, atMs: number): Order =>
  updateOrder(order, atMs, { status: 'confirmed' });

export const rejectOrder = (order: Order, rejection: Rejection, atMs: number): Order =>
  updateOrder(order, atMs, { status: 'rejected', rejection, attention: null });

/** Rejects an order in the transaction that creates it: no payment was attempted. */
export const rejectNewOrder = (order: Order, rejection: Rejection): Order =>
  withPaymentStatus(rejectOrder(order, rejection, order.updatedAtMs), []);

export const startCancellation = (order: Order, cancellation: Cancellation, atMs: number): Order =>
  updateOrder(order, atMs, { status: 'cancelling', cancellation });

export const recordPaymentReversal = (order: Order, atMs: number): Order => updateOrder(order, atMs, {});

export const finishCancellation = (order: Order, atMs: number): Order =>
  updateOrder(order, atMs, { status: 'cancelled', attention: null });

export const setAttention = (order: Order, attention: Attention | null, atMs: number): Order =>
  updateOrder(order, atMs, { attention });

export const outOfStockRejection = (shortages: StockShortage[]): Rejection => ({
  code: 'out_of_stock',
  detail: 'Insufficient stock for at least one line of the order.',
  shortages,
});

export const CUSTOMER_ERASED_REJECTION: Rejection = {
  code: 'customer_erased',
  detail: 'The customer was erased before the order was processed.',
};

const MAX_CLAIM_LENGTH = 200;
/** Email addresses and long digit runs (phone, card numbers) must not enter the append-only log. */
const PERSONAL_DATA = /[^\s@]+@[^\s@]+|\+?\d(?:[ ()./-]?\d){6,}/g;

/** Sanitizes external text for the log: one line, bounded, apparent personal data removed. */
export function sanitizeText(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const text = value
    .slice(0, 4 * MAX_CLAIM_LENGTH)
    .replace(PERSONAL_DATA, '[removed]')
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_CLAIM_LENGTH);
  return text === '' ? null : text;
}

/** The claim set by the API: its ids contain digit runs that are not phone numbers. */
const API_ACTOR_CLAIM = /^(?:customer|staff|machine):(?:cus|key)_[0-9A-HJKMNP-TV-Z]{26}, by REST$/;

/** Sanitizes the `requestedBy` claim of a cancellation for the log. */
export const sanitizeClaim = (value: unknown): string | null =>
  typeof value === 'string' && API_ACTOR_CLAIM.test(value) ? value : sanitizeText(value);

/**
 * Parses the payload of a `cancelOrder` signal. Staff type it, so every payload is accepted: none, a bare reason, or
 * `{reason?, requestedBy?}`. Unknown fields are ignored.
 */
export function parseCancelRequest(payload: unknown, atMs: number): Cancellation {
  const fields =
    typeof payload === 'object' && payload !== null
      ? (payload as { reason?: unknown; requestedBy?: unknown })
      : { reason: payload };
  const claim = sanitizeClaim(fields.requestedBy);
  const requestedBy: Actor = claim === null ? { kind: 'signal' } : { kind: 'signal', claim };
  return { reason: sanitizeText(fields.reason), requestedBy, requestedAtMs: atMs };
}

export const createTemporalCancellation = (atMs: number): Cancellation => ({
  reason: null,
  requestedBy: { kind: 'temporal' },
  requestedAtMs: atMs,
});

import type {
  Actor,
  Attention,
  Cancellation,
  Order,
  PaymentStatus,
  PricedCart,
  Rejection,
  StockShortage,
} from './order';
import { assertTransition } from './transitions';

/** The changes an order can go through, as pure functions: the order before, the order after. */

export function placeOrder(
  basket: PricedCart,
  placed: { id: string; customerId: string; placedAtMs: number },
): Order {
  return {
    ...basket,
    ...placed,
    status: 'placed',
    payment: 'pending',
    fulfilment: 'unfulfilled',
    updatedAtMs: placed.placedAtMs,
    version: 1,
    cancellation: null,
    rejection: null,
    attention: null,
  };
}

const updateOrder = (order: Order, atMs: number, fields: Partial<Order>): Order => {
  if (fields.status !== undefined) assertTransition(order.status, fields.status);
  return { ...order, ...fields, updatedAtMs: atMs, version: order.version + 1 };
};

export const confirmOrder = (order: Order, payment: PaymentStatus, atMs: number): Order =>
  updateOrder(order, atMs, { status: 'confirmed', payment });

export const rejectOrder = (
  order: Order,
  rejection: Rejection,
  payment: PaymentStatus,
  atMs: number,
): Order => updateOrder(order, atMs, { status: 'rejected', rejection, payment, attention: null });

export const startCancellation = (
  order: Order,
  cancellation: Cancellation,
  payment: PaymentStatus,
  atMs: number,
): Order => updateOrder(order, atMs, { status: 'cancelling', cancellation, payment });

export const reversePayment = (order: Order, payment: PaymentStatus, atMs: number): Order =>
  updateOrder(order, atMs, { payment });

/** A payment that was never begun is none at all. */
export const finishCancellation = (order: Order, atMs: number): Order =>
  updateOrder(order, atMs, {
    status: 'cancelled',
    payment: order.payment === 'pending' ? 'none' : order.payment,
    attention: null,
  });

export const setAttention = (order: Order, attention: Attention | null, atMs: number): Order =>
  updateOrder(order, atMs, { attention });

export const outOfStockRejection = (shortages: StockShortage[]): Rejection => ({
  code: 'out_of_stock',
  detail: 'Not enough stock for every line of the order.',
  shortages,
});

/** Nobody knows any more where it is to be sent. */
export const CUSTOMER_ERASED_REJECTION: Rejection = {
  code: 'customer_erased',
  detail: 'Whoever placed the order was erased before it began.',
};

const MAX_CLAIM_LENGTH = 200;
/** Addresses of mail and long runs of digits (phone, card numbers): not to be kept in a log that is never erased. */
const PERSONAL_DATA = /[^\s@]+@[^\s@]+|\+?\d(?:[ ()./-]?\d){6,}/g;

/** Free text from outside, fit for the log: one line, bounded, without what looks like personal data. */
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

/** As the API says who asks: ids of our own, whose digits are no telephone number. */
const API_ACTOR_CLAIM = /^(?:customer|staff|machine):(?:cus|key)_[0-9A-HJKMNP-TV-Z]{26}, by REST$/;

/** Who says that they ask, fit for the log. */
export const sanitizeClaim = (value: unknown): string | null =>
  typeof value === 'string' && API_ACTOR_CLAIM.test(value) ? value : sanitizeText(value);

/**
 * Reads the payload of a `cancelOrder` signal. People type it by hand, so anything is accepted: no payload, a bare
 * reason, or `{reason?, requestedBy?}`; what is not understood is left out.
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

/**
 * Builds every id and key. An order's id is also its workflow id. The key of a side effect is made from the order's id
 * and the business step, never from a retry, so that a retry requests the same effect.
 */

const ORDER_ID = /^ord_[0-9A-HJKMNP-TV-Z]{26}$/;
const CUSTOMER_ID = /^cus_[0-9A-HJKMNP-TV-Z]{26}$/;
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ULID_TIME_LENGTH = 10;

/** `ord_` and a ULID: sorts by time of placement, carries 80 random bits. */
export const orderId = (ulid: string): string => `ord_${ulid}`;
export const isOrderId = (value: string): boolean => ORDER_ID.test(value);
/** Random, not a ULID: the id must not reveal when the customer was created. */
export const customerId = (random26: string): string => `cus_${random26}`;

export const apiKeyId = (random26: string): string => `key_${random26}`;
export const isApiKeyId = (value: string): boolean => /^key_[0-9A-HJKMNP-TV-Z]{26}$/.test(value);

export const SKU_PATTERN = /^[a-z0-9][a-z0-9-]{0,63}$/;
const IMPORT_ID = /^imp_[0-9A-HJKMNP-TV-Z]{26}$/;

export const isSku = (value: string): boolean => SKU_PATTERN.test(value);
/** The stream and subject of a product's events. */
export const productId = (sku: string): string => `product:${sku}`;
/** @returns the sku of a product id; null for any other id. */
export const parseProductId = (id: string): string | null =>
  id.startsWith('product:') ? id.slice('product:'.length) : null;
/** `imp_` and a ULID; also the id of the import's workflow. */
export const importId = (ulid: string): string => `imp_${ulid}`;
export const isImportId = (value: string): boolean => IMPORT_ID.test(value);
export const isCustomerId = (value: string): boolean => CUSTOMER_ID.test(value);
/** Id of one login session. */
export const sessionId = (random26: string): string => `ses_${random26}`;
export const isSessionId = (value: string): boolean => /^ses_[0-9A-HJKMNP-TV-Z]{26}$/.test(value);
/** Id of a single-use link in a mail; not its secret. */
export const oneTimeTokenId = (random26: string): string => `ott_${random26}`;
export const isOneTimeTokenId = (value: string): boolean => /^ott_[0-9A-HJKMNP-TV-Z]{26}$/.test(value);
export const addressId = (random26: string): string => `adr_${random26}`;

/** The stream of personal data reads by one staff account. */
export const readerStream = (staffId: string): string => `access:${staffId}`;

/** Milliseconds since the epoch at which an order id was created. */
export function getOrderIdTimeMs(id: string): number {
  let time = 0;
  for (const char of id.slice(4, 4 + ULID_TIME_LENGTH)) time = time * 32 + CROCKFORD.indexOf(char);
  return time;
}

/** The smallest order id of that millisecond: the boundary of a date range in an index on the id. */
export function minOrderIdAt(timeMs: number): string {
  const latest = 2 ** 48 - 1;
  let rest = Math.min(Math.max(0, Math.ceil(timeMs)), latest);
  let time = '';
  for (let i = 0; i < ULID_TIME_LENGTH; i += 1) {
    time = CROCKFORD[rest % 32] + time;
    rest = Math.floor(rest / 32);
  }
  return `ord_${time}${'0'.repeat(16)}`;
}

/** Event keys: one per aggregate and business step; also the CloudEvents ids. */
export const eventKey = (aggregateId: string, step: string): string => `${aggregateId}:${step}`;

/** Key of the customer's n-th payment attempt; the provider's idempotency keys are derived from it. */
export const paymentAttemptKey = (order: string, attempt: number): string => `${order}:pay:${attempt}`;
export const refundKey = (order: string, reason: string): string => `${order}:refund:${reason}`;

/** The token of a reservation: units of one line from one warehouse. */
export const reservationId = (order: string, line: number, warehouse: string): string =>
  `${order}:rsv:${line}:${warehouse}`;

/** The stream of a product's stock. */
export const stockStream = (sku: string): string => `stock:${sku}`;
export const isStockStream = (stream: string): boolean => stream.startsWith(stockStream(''));
export const parseStockStream = (stream: string): string => stream.slice(stockStream('').length);
export const warehouseStream = (code: string): string => `warehouse:${code}`;

/** `mov_` and a ULID. */
export const movementId = (ulid: string): string => `mov_${ulid}`;
/** Id of the seeded opening movement of a stock level. */
export const openingMovementId = (sku: string, warehouse: string): string => `opening:${sku}:${warehouse}`;

/** @param recipient number of the recipient of this event, from 1. */
export const notificationId = (event: string, channel: string, recipient = 1): string =>
  `ntf:${channel}:${event}${recipient === 1 ? '' : `:to:${recipient}`}`;

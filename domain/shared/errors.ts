/**
 * Every error that a client can receive: stable `code`, HTTP status and title.
 * Only `api/http/problems.ts` converts one into a response.
 */
export const ERRORS = {
  invalid_request: { status: 400, title: 'Invalid request' },
  malformed_json: { status: 400, title: 'Malformed JSON' },
  unknown_sku: { status: 400, title: 'Unknown product' },
  unknown_warehouse: { status: 400, title: 'Unknown warehouse' },
  invalid_cursor: { status: 400, title: 'Invalid cursor' },
  malformed_csv: { status: 400, title: 'Malformed CSV' },
  unauthenticated: { status: 401, title: 'Missing credentials' },
  invalid_token: { status: 401, title: 'Invalid token' },
  invalid_credentials: { status: 401, title: 'Invalid email address or password' },
  invalid_refresh_token: { status: 401, title: 'Invalid or expired refresh token' },
  payment_declined: { status: 402, title: 'Payment declined' },
  forbidden: { status: 403, title: 'Forbidden' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  out_of_stock: { status: 409, title: 'Insufficient stock' },
  warehouse_exists: { status: 409, title: 'Warehouse code already exists' },
  stock_reserved: { status: 409, title: 'Adjustment below reserved stock' },
  not_cancellable: { status: 409, title: 'Order cannot be cancelled' },
  sku_taken: { status: 409, title: 'SKU already exists' },
  upload_superseded: { status: 409, title: 'Upload was removed' },
  precondition_failed: { status: 412, title: 'Resource was modified' },
  account_exists: { status: 409, title: 'Account already exists' },
  last_admin: { status: 409, title: 'Last admin cannot be removed' },
  customer_erased: { status: 409, title: 'Customer was erased' },
  orders_open: { status: 409, title: 'Customer has open orders' },
  too_many_addresses: { status: 409, title: 'Address limit reached' },
  link_expired: { status: 410, title: 'Link already used or expired' },
  payload_too_large: { status: 413, title: 'Request body too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key reused with a different body' },
  precondition_required: { status: 428, title: 'If-Match header required' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  internal_error: { status: 500, title: 'Internal error' },
  payment_unavailable: { status: 402, title: 'Payment provider unavailable' },
  overloaded: { status: 503, title: 'Service overloaded' },
  service_unavailable: { status: 503, title: 'Service unavailable' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** One invalid field of a request: `pointer` is a JSON pointer (RFC 6901) or the name of a parameter. */
export interface ErrorDetail {
  pointer: string;
  detail: string;
  [extension: string]: unknown;
}

/** An expected failure that the client receives. Must not carry data the client may not see. */
export class AppError extends Error {
  override readonly name = 'AppError';
  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly extensions: {
      errors?: ErrorDetail[];
      retryAfterSeconds?: number;
      headers?: Record<string, string>;
      [extension: string]: unknown;
    } = {},
    options?: ErrorOptions,
  ) {
    super(detail, options);
  }
}

/** A dependency (database, Temporal, worker) does not respond; nothing was changed unless `detail` states otherwise. */
export const serviceUnavailable = (
  cause?: unknown,
  detail = 'A required service is unavailable. Nothing was changed; the same request can be repeated.',
): AppError => new AppError('service_unavailable', detail, { retryAfterSeconds: 2 }, { cause });

/**
 * Every way a request can fail that a caller may be told of: stable `code`, HTTP status and title.
 * `api/http/problems.ts` is the only place that turns one into an answer.
 */
export const ERRORS = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  malformed_json: { status: 400, title: 'The body is not valid JSON' },
  unknown_sku: { status: 400, title: 'A product does not exist' },
  unknown_warehouse: { status: 400, title: 'A warehouse does not exist' },
  invalid_cursor: { status: 400, title: 'The cursor is not valid' },
  malformed_csv: { status: 400, title: 'The file is not valid CSV' },
  unauthenticated: { status: 401, title: 'A token is needed' },
  invalid_token: { status: 401, title: 'The token is not valid' },
  invalid_credentials: { status: 401, title: 'Address or password is wrong' },
  invalid_refresh_token: { status: 401, title: 'The session has ended' },
  payment_declined: { status: 402, title: 'The payment was declined' },
  forbidden: { status: 403, title: 'Not allowed' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  out_of_stock: { status: 409, title: 'Not enough stock' },
  warehouse_exists: { status: 409, title: 'There is such a warehouse already' },
  stock_reserved: { status: 409, title: 'Less would be left than is reserved' },
  not_cancellable: { status: 409, title: 'The order cannot be cancelled' },
  sku_taken: { status: 409, title: 'The sku is taken' },
  upload_superseded: { status: 409, title: 'Another upload took the place of this one' },
  precondition_failed: { status: 412, title: 'It has changed in the meantime' },
  account_exists: { status: 409, title: 'There is an account already' },
  last_admin: { status: 409, title: 'There must be an admin' },
  customer_erased: { status: 409, title: 'The customer was erased' },
  orders_open: { status: 409, title: 'Some orders are still open' },
  too_many_addresses: { status: 409, title: 'There are too many addresses' },
  link_expired: { status: 410, title: 'The link was used or has run out' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body is of the wrong type' },
  idempotency_key_reused: { status: 422, title: 'The idempotency key was used with another body' },
  precondition_required: { status: 428, title: 'If-Match is needed' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  payment_unavailable: { status: 402, title: 'The payment could not be taken' },
  overloaded: { status: 503, title: 'Too much to do at the moment' },
  service_unavailable: { status: 503, title: 'The service is not available at the moment' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** One thing that is wrong with a request: `pointer` is a JSON pointer (RFC 6901) or the name of a parameter. */
export interface ErrorDetail {
  pointer: string;
  detail: string;
  [extension: string]: unknown;
}

/** An expected failure on its way to the caller. Never carries what the caller may not know. */
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

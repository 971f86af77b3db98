import type { ErrorFields } from './store/records';

/**
 * Rejects a request before it executes: invalid key, invalid parameters, injected fault. The response is not stored, so
 * the idempotency key can be used again (https://docs.stripe.com/api/idempotent_requests).
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly status: number,
    readonly fields: ErrorFields,
  ) {
    super(fields.message);
  }
}

export const invalidRequest = (
  message: string,
  fields: { code?: string; param?: string } = {},
  status = 400,
) => new ApiError(status, { type: 'invalid_request_error', message, ...fields });

export const resourceNotFound = (resource: string, id: string, param: string, status = 404) =>
  invalidRequest(`No such ${resource}: '${id}'`, { code: 'resource_missing', param }, status);

/** The body of an error response. Like Stripe's, an error with a code links to its documentation. */
export function toErrorBody(fields: ErrorFields, extra: Record<string, unknown> = {}) {
  const docUrl = fields.code && {
    doc_url: `https://stripe.com/docs/error-codes/${fields.code.replaceAll('_', '-')}`,
  };
  return { error: { ...fields, ...docUrl, ...extra } };
}

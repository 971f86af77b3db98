import type { ErrorFields } from './store/records';

/**
 * A request refused before anything was decided about it: bad key, bad parameters, an injected fault. Nothing of it is
 * kept, so the same idempotency key may be used again (https://docs.stripe.com/api/idempotent_requests).
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

export const resourceNotFound = (what: string, id: string, param: string, status = 404) =>
  invalidRequest(`No such ${what}: '${id}'`, { code: 'resource_missing', param }, status);

/** The body of an error answer, with the link that Stripe adds to each coded error. */
export function toErrorBody(fields: ErrorFields, extra: Record<string, unknown> = {}) {
  const docUrl = fields.code && {
    doc_url: `https://stripe.com/docs/error-codes/${fields.code.replaceAll('_', '-')}`,
  };
  return { error: { ...fields, ...docUrl, ...extra } };
}

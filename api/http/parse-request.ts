import type { Request } from 'express';
import type { z } from 'zod';
import { AppError } from '../../domain/shared/errors';
import { isOrderId } from '../../domain/shared/ids';
import { orderNotFound } from '../../services/orders/find-order';
import { toValidationError } from './problems';

/** The body of a request, valid. @throws Failure `unsupported_media_type`, `invalid_request` */
export function parseBody<Schema extends z.ZodType>(req: Request, schema: Schema): z.infer<Schema> {
  const hasBody =
    req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (hasBody && req.is(['application/json', '+json']) === false) {
    throw new AppError('unsupported_media_type', 'The body must be sent as application/json.');
  }
  const parsed = schema.safeParse(req.body ?? {});
  if (!parsed.success) throw toValidationError(parsed.error);
  return parsed.data;
}

/** The query of a request, valid; unknown parameters are refused. @throws Failure `invalid_request` */
export function parseQuery<Schema extends z.ZodType>(req: Request, schema: Schema): z.infer<Schema> {
  const parsed = schema.safeParse(req.query);
  if (!parsed.success) throw toValidationError(parsed.error, 'query');
  return parsed.data;
}

/** @throws Failure `not_found`: an id that cannot be one is an order that does not exist. */
export function parseOrderId(req: Request): string {
  const { id } = req.params;
  if (typeof id !== 'string' || !isOrderId(id)) throw orderNotFound();
  return id;
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** @throws Failure `invalid_request` */
export function parseIdempotencyKey(req: Request): string | undefined {
  const header = req.get('idempotency-key');
  if (header === undefined) return undefined;
  if (!IDEMPOTENCY_KEY.test(header)) {
    throw new AppError('invalid_request', 'The Idempotency-Key is not valid.', {
      errors: [
        { pointer: 'Idempotency-Key', detail: 'must be 1 to 255 printable ASCII characters without spaces' },
      ],
    });
  }
  return header;
}

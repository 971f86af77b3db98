import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { ZodError } from 'zod';
import { isConnectionLost } from '../../db/core/connect';
import {
  AppError,
  ERRORS,
  type ErrorCode,
  type ErrorDetail,
  serviceUnavailable,
} from '../../domain/shared/errors';

/** RFC 9457. `code` is stable; `detail` is for people. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  instance: string;
  requestId: string;
  errors?: ErrorDetail[];
  [extension: string]: unknown;
}

export function sendProblem(req: Request, res: Response, failure: AppError): void {
  const { status, title } = ERRORS[failure.code];
  const { retryAfterSeconds, headers, ...extensions } = failure.extensions;
  if (retryAfterSeconds !== undefined) res.set('Retry-After', String(retryAfterSeconds));
  if (headers !== undefined) res.set(headers);
  const problem: Problem = {
    type: `/docs/problems#${failure.code}`,
    title,
    status,
    detail: failure.detail,
    instance: req.originalUrl.split('?')[0] ?? '/',
    code: failure.code,
    requestId: String(req.id),
    ...extensions,
  };
  if (!req.complete) drainRequestBody(req, res);
  res.status(status).type('application/problem+json').send(JSON.stringify(problem));
}

/**
 * Who still sends hears the answer only when what they send is taken: a connection that is closed meanwhile takes the answer
 * with it. So it is left to them to close it, and what they send is thrown away, for as long as a request may take.
 */
function drainRequestBody(req: Request, res: Response): void {
  res.shouldKeepAlive = true;
  req.resume();
}

/** The one place that maps what went wrong to an answer. */
export const problemHandler: ErrorRequestHandler = (error, req, res, next) => {
  if (res.headersSent) return next(error);
  const failure = toAppError(error);
  if (failure.code === 'internal_error') req.log.error({ err: error }, 'request failed');
  else if (ERRORS[failure.code].status >= 500) req.log.warn({ err: error }, 'request failed');
  sendProblem(req, res, failure);
};

export const notFoundHandler: RequestHandler = () => {
  throw new AppError('not_found', 'There is nothing at this address.');
};

/** Words of body-parser for what is wrong with a body. */
const BODY_PARSER_ERRORS: Record<string, [ErrorCode, string]> = {
  'entity.parse.failed': ['malformed_json', 'The body is not valid JSON.'],
  'entity.too.large': ['payload_too_large', 'The body is larger than this address takes.'],
  'encoding.unsupported': ['unsupported_media_type', 'The encoding of the body is not supported.'],
  'charset.unsupported': ['unsupported_media_type', 'The body must be UTF-8.'],
  'request.aborted': ['invalid_request', 'The request ended before its body did.'],
  'request.size.invalid': ['invalid_request', 'The body is not as long as the request says.'],
};

const CONNECTION_ERROR_NAME = /Sequelize(Connection\w*|HostNot\w*)Error|ServiceError/;

export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { type, name, status } = error as { type?: string; name?: string; status?: number };
  const body = BODY_PARSER_ERRORS[type ?? ''];
  if (body !== undefined) return new AppError(...body);
  if (name === 'URIError' || status === 400)
    return new AppError('invalid_request', 'The address is not valid.');
  if (CONNECTION_ERROR_NAME.test(name ?? '') || isConnectionLost(error)) return serviceUnavailable(error);
  return new AppError(
    'internal_error',
    'The request failed. Nothing is known to be half-done; it can be repeated.',
  );
}

/** A fault of a body is pointed to by JSON pointer, one of the query by the parameter's name. */
export function toValidationError(error: ZodError, where: 'body' | 'query' = 'body'): AppError {
  const pointer = (path: readonly PropertyKey[]): string =>
    where === 'query'
      ? path.map(String).join('.')
      : path.map((part) => `/${escapePointer(String(part))}`).join('');
  const errors = error.issues.flatMap((issue): ErrorDetail[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          pointer: pointer([...issue.path, key.slice(0, MAX_KEY_LENGTH)]),
          detail: 'is not known here',
        }))
      : [{ pointer: pointer(issue.path), detail: issue.message }],
  );
  return new AppError('invalid_request', 'Some fields are not valid.', {
    errors: errors.slice(0, MAX_ERRORS),
  });
}

const MAX_ERRORS = 50;
const MAX_KEY_LENGTH = 100;
const escapePointer = (part: string): string => part.replace(/~/g, '~0').replace(/\//g, '~1');

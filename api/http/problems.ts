import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import type { ZodError } from 'zod';
import { isConnectionLost } from '../../db/core/connect';
import {
  AppError,
  ERRORS,
  type ErrorCode,
  type ErrorDetail,
  serviceUnavailable,
} from '../../domain/shared/errors';
import { getRequestId, getRequestLog } from './request-log';

/** Problem details (RFC 9457). `code` is stable; `detail` describes this occurrence. */
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

export function sendProblem(req: Request, res: Response, { code, detail, extensions }: AppError): void {
  const { status, title } = ERRORS[code];
  const { retryAfterSeconds, headers, ...members } = extensions;
  if (retryAfterSeconds !== undefined) res.set('Retry-After', String(retryAfterSeconds));
  if (headers !== undefined) res.set(headers);
  const problem: Problem = {
    type: `/docs/problems#${code}`,
    title,
    status,
    detail,
    instance: req.originalUrl.split('?')[0] ?? '/',
    code,
    requestId: getRequestId(res),
    ...members,
  };
  if (!req.complete) drainRequestBody(req, res);
  res.status(status).type('application/problem+json').send(JSON.stringify(problem));
}

/**
 * Reads and discards the rest of the body, up to the request timeout. Closing the connection while the client is sending
 * would reset it, and the client would not receive the response; the client closes it instead.
 */
function drainRequestBody(req: Request, res: Response): void {
  res.shouldKeepAlive = true;
  req.resume();
}

/** Maps every error to a response. */
export const createProblemHandler =
  (log: Logger): ErrorRequestHandler =>
  (error, req, res, next) => {
    if (res.headersSent) return next(error);
    const appError = toAppError(error);
    if (ERRORS[appError.code].status >= 500) {
      const level = appError.code === 'internal_error' ? 'error' : 'warn';
      getRequestLog(log, req, res)[level]({ err: error }, 'request failed');
    }
    sendProblem(req, res, appError);
  };

export const methodNotAllowed = (allowed: string): AppError =>
  new AppError('method_not_allowed', `This path supports ${allowed}.`, { headers: { Allow: allowed } });

export const notFoundHandler: RequestHandler = () => {
  throw new AppError('not_found', 'No endpoint has this path.');
};

/** By the error types of body-parser. */
const BODY_PARSER_ERRORS: Record<string, [ErrorCode, string]> = {
  'entity.parse.failed': ['malformed_json', 'The body is not valid JSON.'],
  'entity.too.large': ['payload_too_large', 'The body exceeds the size limit of this endpoint.'],
  'encoding.unsupported': ['unsupported_media_type', 'The encoding of the body is not supported.'],
  'charset.unsupported': ['unsupported_media_type', 'The body must be UTF-8.'],
  'request.aborted': ['invalid_request', 'The request ended before its body was complete.'],
  'request.size.invalid': ['invalid_request', 'The length of the body differs from Content-Length.'],
};

const CONNECTION_ERROR_NAME = /Sequelize(Connection\w*|HostNot\w*)Error|ServiceError/;

export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { type, name, status } = error as { type?: string; name?: string; status?: number };
  const body = BODY_PARSER_ERRORS[type ?? ''];
  if (body !== undefined) return new AppError(...body);
  if (name === 'URIError' || status === 400) return new AppError('invalid_request', 'The URL is not valid.');
  if (CONNECTION_ERROR_NAME.test(name ?? '') || isConnectionLost(error)) return serviceUnavailable(error);
  return new AppError(
    'internal_error',
    'The request failed unexpectedly. Its changes are atomic, so it can be sent again.',
  );
}

/** Points to fields of a body by JSON pointer, to query parameters by name. */
export function toValidationError(error: ZodError, part: 'body' | 'query'): AppError {
  const pointer = (path: readonly PropertyKey[]): string =>
    part === 'query'
      ? path.map(String).join('.')
      : path.map((key) => `/${escapePointer(String(key))}`).join('');
  const errors = error.issues.flatMap((issue): ErrorDetail[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          pointer: pointer([...issue.path, key.slice(0, MAX_KEY_LENGTH)]),
          detail: 'is not a known field',
        }))
      : [{ pointer: pointer(issue.path), detail: issue.message }],
  );
  return new AppError('invalid_request', 'Some fields are not valid.', {
    errors: errors.slice(0, MAX_ERRORS),
  });
}

const MAX_ERRORS = 50;
const MAX_KEY_LENGTH = 100;
const escapePointer = (key: string): string => key.replace(/~/g, '~0').replace(/\//g, '~1');

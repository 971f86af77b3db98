import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Actor } from '../../domain/orders/order';
import type { Access, AccessScope, Policy, Role, Scope } from '../../domain/shared/access';
import type { AppError, ErrorCode } from '../../domain/shared/errors';
import type { ApiContext } from './context';
import type { HeaderName, Responses } from './openapi/responses';
import type { RequestHeader } from './request-headers';
import { getRequestLog } from './request-log';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/**
 * Parts of a request, validated in the order in which they are declared: the first invalid part decides the error. A part
 * that is not declared is not read.
 */
export interface RequestSchemas {
  /** Values of the path; invalid ones return `notFound` of the endpoint. */
  params?: z.ZodObject;
  /** Unknown parameters are rejected. */
  query?: z.ZodObject;
  headers?: Record<string, RequestHeader<unknown>>;
  /** A JSON body. An absent one is validated as `{}`. */
  body?: z.ZodType;
  /** A CSV body: its media type is checked, and the handler reads it from `req`. */
  csv?: z.ZodType;
}

type Parsed<Schema> = Schema extends z.ZodType ? z.infer<Schema> : undefined;

/** What a handler receives. */
export interface EndpointCall<R extends RequestSchemas> {
  ctx: ApiContext;
  req: Request;
  res: Response;
  /** The caller and the records it may touch. */
  access: Access;
  /** The caller as domain events record it. */
  actor: Actor;
  params: Parsed<R['params']>;
  query: Parsed<R['query']>;
  headers: { [Name in keyof R['headers']]: R['headers'][Name] extends RequestHeader<infer T> ? T : never };
  body: Parsed<R['body']>;
}

export interface Endpoint<R extends RequestSchemas = RequestSchemas> {
  method: Method;
  /** With parameters as `:name`. */
  path: string;
  /** null outside `/api`: credentials are not read. */
  policy: Policy | null;
  /**
   * Counted in addition to the limits of every request: `placement`, `login`. `none`: the endpoint is not limited at all.
   * Omit it for ordinary endpoints: address and principal limits always apply.
   */
  limit?: 'placement' | 'login' | 'none';
  request?: R;
  /** For the OpenAPI document. */
  isBodyOptional?: true;
  /** The error for path parameters that cannot be an id. */
  notFound?: () => AppError;
  /** Successful responses by status. */
  responses: Responses;
  /** Error codes of this endpoint; those that follow from its declaration are added to the OpenAPI document. */
  errors?: readonly ErrorCode[];
  /** Headers of error responses, by status. */
  errorHeaders?: Readonly<Record<string, readonly HeaderName[]>>;
  /** One line, in the imperative. */
  summary: string;
  description?: string;
  tags: [string];
  handler(call: EndpointCall<R>): Promise<void> | void;
}

/** Declares an endpoint: routing, authorization, limits, validation and the OpenAPI document are derived from it. */
export const defineEndpoint = <R extends RequestSchemas = object>(endpoint: Endpoint<R>): Endpoint =>
  endpoint as unknown as Endpoint;

/** `GET /api/orders/:id` */
export const endpointName = ({ method, path }: Endpoint): string => `${method.toUpperCase()} ${path}`;

/** @param scope that a machine's key needs; null: an API key has the access of a guest. */
export const definePolicy = (
  reach: Partial<Record<'guest' | Role, AccessScope>>,
  scope: Scope | null = null,
): Policy => ({
  guest: 'none',
  customer: 'none',
  support: 'none',
  warehouse: 'none',
  admin: 'none',
  ...reach,
  scope,
});

export const EVERYONE = definePolicy({
  guest: 'all',
  customer: 'all',
  support: 'all',
  warehouse: 'all',
  admin: 'all',
});
export const ADMINS = definePolicy({ admin: 'all' });
/** Every account, for its own data. */
export const OWN_ACCOUNT = definePolicy({ customer: 'own', support: 'own', warehouse: 'own', admin: 'own' });

/** A logger whose lines identify the request. */
export const getCallLog = ({ ctx, req, res }: Pick<EndpointCall<object>, 'ctx' | 'req' | 'res'>): Logger =>
  getRequestLog(ctx.log, req, res);

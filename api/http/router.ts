import { type RequestHandler, Router } from 'express';
import type { Policy } from '../../domain/shared/access';
import { AppError } from '../../domain/shared/errors';
import { authorize } from './auth';
import { limitOperation } from './limits/request-limits';
import { POLICIES } from './policies';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Handlers = Partial<Record<Method, RequestHandler>>;

/** Routes of one address. What it does not speak is answered with 405 and the list of what it does. */
export function registerRoutes(router: Router, path: string, handlers: Handlers): void {
  const route = router.route(path);
  const spoken = Object.entries(handlers) as [Method, RequestHandler][];
  for (const [method, handler] of spoken) route[method](handler);
  const speaks = spoken.flatMap(([m]) => (m === 'get' ? ['GET', 'HEAD'] : [m.toUpperCase()])).join(', ');
  route.all(() => {
    throw new AppError('method_not_allowed', `This address speaks ${speaks}.`, {
      headers: { Allow: speaks },
    });
  });
}

export const createExpressRouter = (): Router => Router({ caseSensitive: true, strict: false });

/** Routes below one prefix, each under its policy. */
export interface PolicyRouter {
  router: Router;
  /** @throws Error when a method has no policy: nothing is open by oversight. */
  registerRoutes(path: string, handlers: Handlers): void;
}

export function createRouter(prefix: string): PolicyRouter {
  const router = createExpressRouter();
  return {
    router,
    registerRoutes(path, handlers) {
      const guarded = Object.entries(handlers).map(([method, handler]) => {
        const operation = `${method.toUpperCase()} ${prefix}${path === '/' ? '' : path}`;
        return [method, enforcePolicy(operation, handler)];
      });
      registerRoutes(router, path, Object.fromEntries(guarded));
    },
  };
}

function enforcePolicy(operation: string, handler: RequestHandler): RequestHandler {
  const policy = (POLICIES as Record<string, Policy>)[operation];
  if (policy === undefined) throw new Error(`${operation} has no policy: add it to api/http/policies.ts`);
  return async (req, res, next) => {
    authorize(req, policy);
    await limitOperation(req, res, operation);
    await handler(req, res, next);
  };
}

import { type RequestHandler, Router } from 'express';
import { Failure } from '../domain/failures';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** Routes of one address. What it does not speak is answered with 405 and the list of what it does. */
export function methods(
  router: Router,
  path: string,
  handlers: Partial<Record<Method, RequestHandler | RequestHandler[]>>,
): void {
  const route = router.route(path);
  const spoken = Object.entries(handlers) as [Method, RequestHandler | RequestHandler[]][];
  for (const [method, handler] of spoken) route[method](...[handler].flat());
  const allow = spoken.flatMap(([m]) => (m === 'get' ? ['GET', 'HEAD'] : [m.toUpperCase()])).join(', ');
  route.all(() => {
    throw new Failure('method_not_allowed', `This address speaks ${allow}.`, { headers: { Allow: allow } });
  });
}

export const newRouter = (): Router => Router({ caseSensitive: true, strict: false });

import FindMyWay from 'find-my-way';
import { AppError } from '../../domain/shared/errors';
import { groupBy } from '../../domain/shared/group-by';
import { type Endpoint, endpointName } from './endpoint';

/** The endpoints of one path. */
export interface Route {
  endpoints: readonly Endpoint[];
  /** Value of `Allow`. */
  allowed: string;
}

type Params = Record<string, string>;

export interface RouteMatch {
  route: Route;
  /** @throws AppError `invalid_request` for a path that is not encoded correctly. */
  params(): Params;
}

const MAX_PARAM_LENGTH = 500;

/** The match of every path that is not encoded correctly. */
const MALFORMED: RouteMatch = {
  route: { endpoints: [], allowed: '' },
  params() {
    throw new AppError('invalid_request', 'The URL is not valid.');
  },
};

/**
 * Finds the endpoints of a path, whatever their number. A static segment matches before a parameter, whatever the order
 * of declaration; matching is case-sensitive and accepts a trailing slash.
 */
export class RouteTable {
  private readonly router = FindMyWay({
    caseSensitive: true,
    ignoreTrailingSlash: true,
    maxParamLength: MAX_PARAM_LENGTH,
    onBadUrl: () => undefined,
  });

  /** @throws Error for an operation that is declared twice. */
  constructor(endpoints: readonly Endpoint[]) {
    const duplicates = [...groupBy(endpoints, endpointName)].filter(([, { length }]) => length > 1);
    if (duplicates.length > 0)
      throw new Error(`declared twice: ${duplicates.map(([name]) => name).join(', ')}`);
    for (const [path, group] of groupBy(endpoints, (endpoint) => endpoint.path)) {
      const methods = group.flatMap(({ method }) =>
        method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
      );
      // All methods of a path share its route: the router distinguishes paths only.
      this.router.on('GET', path, () => undefined, { endpoints: group, allowed: methods.join(', ') });
    }
  }

  find(path: string): RouteMatch | null {
    const found = this.router.find('GET', path);
    if (found === null || Object.values(found.params).includes('')) return null;
    return found.store === null
      ? MALFORMED
      : { route: found.store as Route, params: () => found.params as Params };
  }
}

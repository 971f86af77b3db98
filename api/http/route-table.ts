import { AppError } from '../../domain/shared/errors';
import { groupBy } from '../../domain/shared/group-by';
import { type Endpoint, endpointName } from './endpoint';

/** The endpoints of one path. */
export interface Route {
  endpoints: readonly Endpoint[];
  /** Value of `Allow`. */
  allowed: string;
}

export interface RouteMatch {
  route: Route;
  /** As in the path, percent-encoded. */
  rawParams: Record<string, string>;
}

/** Children by static segment, or under any segment as a parameter. */
interface Node {
  children: Map<string, Node>;
  param?: { name: string; node: Node };
  route?: Route;
}

const createNode = (): Node => ({ children: new Map() });

/**
 * Finds the endpoints of a path in a tree of its segments, whatever their number. A static segment matches before a
 * parameter, whatever the order of declaration; matching is case-sensitive and accepts a trailing slash.
 */
export class RouteTable {
  private readonly root = createNode();
  /** Routes without parameters, by their path. */
  private readonly exact = new Map<string, RouteMatch>();

  /** @throws Error for an operation that is declared twice. */
  constructor(endpoints: readonly Endpoint[]) {
    const duplicates = [...groupBy(endpoints, endpointName)].filter(([, { length }]) => length > 1);
    if (duplicates.length > 0)
      throw new Error(`declared twice: ${duplicates.map(([name]) => name).join(', ')}`);
    for (const [path, group] of groupBy(endpoints, (endpoint) => endpoint.path)) this.add(path, group);
  }

  find(path: string): RouteMatch | null {
    const exact = this.exact.get(path);
    if (exact !== undefined) return exact;
    const segments = path.split('/');
    if (segments.at(-1) === '' && segments.length > 2) segments.pop();
    const rawParams: Record<string, string> = {};
    const route = findRoute(this.root, segments, 1, rawParams);
    return route === undefined ? null : { route, rawParams };
  }

  private add(path: string, endpoints: readonly Endpoint[]): void {
    let node = this.root;
    for (const segment of path.split('/').slice(1)) node = addChild(node, segment);
    const allowed = endpoints
      .flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
      .join(', ');
    node.route = { endpoints, allowed };
    if (!path.includes(':')) this.exact.set(path, { route: node.route, rawParams: {} });
  }
}

function addChild(node: Node, segment: string): Node {
  if (segment.startsWith(':')) {
    const name = segment.slice(1);
    node.param ??= { name, node: createNode() };
    if (node.param.name !== name)
      throw new Error(`parameters ${node.param.name} and ${name} of one position`);
    return node.param.node;
  }
  const child = node.children.get(segment) ?? createNode();
  node.children.set(segment, child);
  return child;
}

function findRoute(
  node: Node,
  segments: readonly string[],
  position: number,
  values: Record<string, string>,
): Route | undefined {
  const segment = segments[position];
  if (segment === undefined) return node.route;
  const child = node.children.get(segment);
  const route = child && findRoute(child, segments, position + 1, values);
  if (route !== undefined || node.param === undefined || segment === '') return route;
  const found = findRoute(node.param.node, segments, position + 1, values);
  if (found !== undefined) values[node.param.name] = segment;
  return found;
}

/** @throws AppError `invalid_request` for a parameter that is not encoded correctly. */
export const decodeParams = ({ rawParams }: RouteMatch): Record<string, string> =>
  Object.fromEntries(Object.entries(rawParams).map(([name, value]) => [name, decodeSegment(value)]));

function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new AppError('invalid_request', 'The URL is not valid.');
  }
}

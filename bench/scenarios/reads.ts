import { call, get } from '../harness/http';
import { runLoad } from '../harness/load';
import type { Reporter } from '../harness/results';
import type { Servers } from '../harness/servers';
import { buildOrderBody } from './orders';

const LOADS: [connections: number, total: number][] = [
  [50, 4_000],
  [200, 4_000],
];

/** Measures reads over HTTP relative to bare Express with the same queries. */
export async function measureReads(servers: Servers, report: Reporter): Promise<void> {
  const { apiUrl, headers } = servers;
  const { id } = JSON.parse(await call(`${apiUrl}/api/orders`, 201, buildOrderBody(0), headers)) as {
    id: string;
  };
  const reads: [name: string, path: string, referencePath: string][] = [
    ['one order', `/api/orders/${id}`, `/orders/${id}`],
    ['list of orders', '/api/orders', '/orders'],
    ['list of products', '/api/products', '/products'],
  ];
  for (const [connections, total] of LOADS) {
    for (const [name, path, referencePath] of reads) {
      const p99Ms = await measureRead(servers, report, {
        name: `reads of ${name}, ${connections} connections`,
        path,
        referencePath,
        headers,
        connections,
        total,
      });
      report({
        name: `read of ${name}, 99th percentile, ${connections} connections`,
        value: p99Ms,
        unit: 'ms',
        ...(connections === 200 ? { target: { atMost: 100 } } : {}),
      });
    }
  }
}

export interface ReadScenario {
  name: string;
  /** Path of the system's API. */
  path: string;
  /** Path of bare Express. */
  referencePath: string;
  headers: Record<string, string>;
  connections: number;
  total: number;
}

/** The target applies to bare Express with the same middleware. @returns the system's 99th percentile. */
export async function measureRead(
  { apiUrl, expressUrl }: Servers,
  report: Reporter,
  { name, path, referencePath, headers, connections, total }: ReadScenario,
): Promise<number> {
  const load = (url: string) => runLoad(connections, total, () => get(url, headers));
  const bare = await load(`${expressUrl}${referencePath}`);
  const withMiddleware = await load(`${expressUrl}/with-middleware${referencePath}`);
  const { perSecond, p99Ms } = await load(`${apiUrl}${path}`);
  const measurement = { name, value: perSecond, unit: '/s' };
  report({
    ...measurement,
    reference: 'bare Express, same query and middleware',
    referenceValue: withMiddleware.perSecond,
    target: { atLeast: 0.8 },
  });
  report({
    ...measurement,
    reference: 'bare Express, same query, package middleware only',
    referenceValue: bare.perSecond,
  });
  return p99Ms;
}

import type { Report } from './figures';
import { call, read } from './http';
import { measure } from './load';
import { orderBody } from './orders';
import type { Servers } from './servers';

const LOADS: [connections: number, total: number][] = [
  [50, 4_000],
  [200, 4_000],
];

/** Reads over HTTP, beside bare Express with the same middleware and the same queries. */
export async function measureReads({ apiUrl, headers, bareUrl }: Servers, report: Report): Promise<void> {
  const { id } = JSON.parse(await call(`${apiUrl}/api/orders`, 201, orderBody(0), headers)) as { id: string };
  const pairs: [what: string, ours: string, theirs: string][] = [
    ['one order', `/api/orders/${id}`, `/orders/${id}`],
    ['list of orders', '/api/orders', '/orders'],
    ['list of products', '/api/products', '/products'],
  ];
  for (const [connections, total] of LOADS) {
    for (const [what, path, barePath] of pairs) {
      const theirs = await measure(connections, total, () => call(`${bareUrl}${barePath}`, 200));
      const ours = await measure(connections, total, () => read(`${apiUrl}${path}`, headers));
      report({
        what: `reads of ${what}, ${connections} connections`,
        ours: ours.perSecond,
        unit: '/s',
        reference: 'bare Express, same query',
        theirs: theirs.perSecond,
        aim: { atLeast: 0.8 },
      });
      report({
        what: `read of ${what}, 99th percentile, ${connections} connections`,
        ours: ours.p99Ms,
        unit: 'ms',
        ...(connections === 200 ? { aim: { atMost: 100 } } : {}),
      });
    }
  }
}

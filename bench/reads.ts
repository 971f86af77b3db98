import type { Report } from './figures';
import { call, read } from './http';
import { measure } from './load';
import { orderBody } from './orders';
import type { Servers } from './servers';

const LOADS: [connections: number, total: number][] = [
  [50, 4_000],
  [200, 4_000],
];

/** Reads over HTTP, beside bare Express with the same queries. */
export async function measureReads(servers: Servers, report: Report): Promise<void> {
  const { apiUrl, headers } = servers;
  const { id } = JSON.parse(await call(`${apiUrl}/api/orders`, 201, orderBody(0), headers)) as { id: string };
  const pairs: [what: string, ours: string, theirs: string][] = [
    ['one order', `/api/orders/${id}`, `/orders/${id}`],
    ['list of orders', '/api/orders', '/orders'],
    ['list of products', '/api/products', '/products'],
  ];
  for (const [connections, total] of LOADS) {
    for (const [what, ours, theirs] of pairs) {
      const p99Ms = await measureRead(servers, report, {
        what: `reads of ${what}, ${connections} connections`,
        ours,
        theirs,
        headers,
        connections,
        total,
      });
      report({
        what: `read of ${what}, 99th percentile, ${connections} connections`,
        ours: p99Ms,
        unit: 'ms',
        ...(connections === 200 ? { aim: { atMost: 100 } } : {}),
      });
    }
  }
}

export interface Read {
  what: string;
  /** Path of the system's API. */
  ours: string;
  /** Path of the references. */
  theirs: string;
  headers: Record<string, string>;
  connections: number;
  total: number;
}

/** Beside bare Express with the same middleware, which the aim is about, and with none but the packages'. @returns ours, 99th percentile. */
export async function measureRead(
  { apiUrl, bareUrl }: Servers,
  report: Report,
  { what, ours, theirs, headers, connections, total }: Read,
): Promise<number> {
  const load = (url: string) => measure(connections, total, () => read(url, headers));
  const bare = await load(`${bareUrl}${theirs}`);
  const same = await load(`${bareUrl}/same${theirs}`);
  const { perSecond, p99Ms } = await load(`${apiUrl}${ours}`);
  const measured = { what, ours: perSecond, unit: '/s' };
  report({
    ...measured,
    reference: 'bare Express, same query and middleware',
    theirs: same.perSecond,
    aim: { atLeast: 0.8 },
  });
  report({
    ...measured,
    reference: 'bare Express, same query, nobody asks who reads',
    theirs: bare.perSecond,
  });
  return p99Ms;
}

import { withSeparateCores } from '../harness/cpu-affinity';
import { call } from '../harness/http';
import { compareReads, type ReadTarget } from '../harness/read-load';
import type { Reporter } from '../harness/results';
import type { Servers } from '../harness/servers';
import { buildOrderBody } from './orders';

const LOADS: [connections: number, total: number][] = [
  [50, 4_000],
  [200, 4_000],
];
/** More orders than a page of a list. */
const ORDER_COUNT = 30;

type TargetReference = 'same query and middleware' | 'same query';

/** Measures reads over HTTP relative to bare Express with the same queries. */
export async function measureReads(servers: Servers, report: Reporter): Promise<void> {
  const { apiUrl, headers, pids } = servers;
  const ids: string[] = [];
  for (let n = 0; n < ORDER_COUNT; n += 1) {
    const order = await call(`${apiUrl}/api/orders`, 201, buildOrderBody(n), headers);
    ids.push((JSON.parse(order) as { id: string }).id);
  }
  const reads: Pick<ReadScenario, 'name' | 'path' | 'referencePath' | 'headers' | 'target'>[] = [
    {
      name: 'one order',
      path: `/api/orders/${ids[0]}`,
      referencePath: `/orders/${ids[0]}`,
      headers,
      target: { reference: 'same query and middleware', atLeast: 0.8 },
    },
    {
      name: 'list of orders',
      path: '/api/orders',
      referencePath: '/orders',
      headers,
      target: { reference: 'same query and middleware', atLeast: 0.8 },
    },
    {
      name: 'page of products',
      path: '/api/products',
      referencePath: '/products',
      headers: {},
      target: { reference: 'same query', atLeast: 3 },
    },
  ];
  await withSeparateCores('reads', Object.values(pids), report, async () => {
    for (const [connections, total] of LOADS) {
      for (const read of reads) await measureRead(servers, report, { ...read, connections, total });
    }
  });
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
  /** Ratio of the requests per second to those of this reference. */
  target: { reference: TargetReference; atLeast: number };
}

/** Of the 99th percentile, relative to bare Express at the same number of connections. */
const P99_TARGET = { atMost: 1.5 };

export async function measureRead(
  { apiUrl, expressUrl, pids }: Servers,
  report: Reporter,
  { name, path, referencePath, headers, connections, total, target }: ReadScenario,
): Promise<void> {
  const toTarget = (url: string, pid = 0): ReadTarget => ({ url, headers, pid });
  const { system, ...references } = await compareReads(
    {
      'same query': toTarget(`${expressUrl}${referencePath}`, pids.bare),
      'same query and middleware': toTarget(`${expressUrl}/with-middleware${referencePath}`, pids.bare),
      system: toTarget(`${apiUrl}${path}`, pids.system),
    },
    connections,
    total,
  );
  const load = `${name}, ${connections} connections`;
  for (const [reference, { perSecond }] of Object.entries(references)) {
    report({
      name: `reads of ${load}`,
      value: system.perSecond,
      unit: '/s',
      reference: `bare Express, ${reference}`,
      referenceValue: perSecond,
      ...(reference === target.reference ? { target: { atLeast: target.atLeast } } : {}),
    });
  }
  report({
    name: `CPU time of a read of ${load}`,
    value: system.cpuMs,
    unit: 'ms',
    reference: 'bare Express, same query and middleware',
    referenceValue: references['same query and middleware'].cpuMs,
  });
  report({
    name: `read of ${load}, 99th percentile`,
    value: system.p99Ms,
    unit: 'ms',
    reference: 'bare Express, same query',
    referenceValue: references['same query'].p99Ms,
    ...(connections === 200 ? { target: P99_TARGET } : {}),
  });
}

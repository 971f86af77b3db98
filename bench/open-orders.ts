import { residentBytes } from './cpu';
import type { Report } from './figures';
import { call } from './http';
import { measure } from './load';
import { orderBody } from './orders';
import type { Servers } from './servers';

const OPEN = 10_000;
const MEGABYTE = 1_000_000;
const CONCURRENCY = 40;

/** The memory of the process with the workers once that many orders rest in it, confirmed and open. */
export async function measureOpenOrders(servers: Servers, report: Report): Promise<void> {
  const { apiUrl, openOrders, pids } = servers;
  const missing = OPEN - (await openOrders());
  if (missing > 0) {
    await measure(CONCURRENCY, missing, (n) => call(`${apiUrl}/api/orders`, 201, orderBody(n)));
  }
  const resident = residentBytes(pids.system ?? 0);
  report({
    what: `memory of API and workers in one process, ${OPEN.toLocaleString('en')} open orders`,
    ours: resident === null ? null : resident / MEGABYTE,
    unit: 'MB',
    aim: { atMost: 500 },
  });
}

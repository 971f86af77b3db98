import { call } from '../harness/http';
import { runLoad } from '../harness/load';
import { getResidentBytes } from '../harness/process-usage';
import type { Reporter } from '../harness/results';
import type { Servers } from '../harness/servers';
import { buildOrderBody } from './orders';

const OPEN_ORDER_COUNT = 10_000;
const MEGABYTE = 1_000_000;
const CONCURRENCY = 40;

/** Measures the system's memory with that many confirmed, open orders. */
export async function measureOpenOrders(servers: Servers, report: Reporter): Promise<void> {
  const { apiUrl, countOpenOrders, pids } = servers;
  // The worst case: each undelivered mail is a part of a waiting workflow.
  await servers.stopMails();
  const missing = OPEN_ORDER_COUNT - (await countOpenOrders());
  if (missing > 0) {
    await runLoad(CONCURRENCY, missing, (n) => call(`${apiUrl}/api/orders`, 201, buildOrderBody(n)));
  }
  const resident = getResidentBytes(pids.system ?? 0);
  report({
    name: `memory of API and workers in one process, ${OPEN_ORDER_COUNT.toLocaleString('en')} open orders`,
    value: resident === null ? null : resident / MEGABYTE,
    unit: 'MB',
    target: { atMost: 450 },
  });
}

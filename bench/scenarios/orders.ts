import type { Client } from '@temporalio/client';
import { getOrder } from '../../workflows/orders/messages';
import { call } from '../harness/http';
import { countWarmUpCalls, type LoadResult, runLoad } from '../harness/load';
import { getCpuMs } from '../harness/process-usage';
import type { Reporter } from '../harness/results';
import type { Servers } from '../harness/servers';

const LOADS: [concurrency: number, total: number][] = [
  [1, 60],
  [40, 600],
  [200, 800],
];

type LoadResultWithCpu = LoadResult & { cpuMs: number | null };

/** Measures confirmed orders relative to workflows of the bare SDK. */
export async function measureOrders(servers: Servers, client: Client, report: Reporter): Promise<void> {
  for (const [concurrency, total] of LOADS) {
    const loads = await measureLoad(servers, client, concurrency, total);
    reportLoad(loads, concurrency, report);
  }
  await measureWithoutMails(servers, report);
  await measureHistoryLength(servers, client, report);
}

/** Mails are delivered in all other loads; the difference is what they cost. */
async function measureWithoutMails(servers: Servers, report: Reporter): Promise<void> {
  const place = (kind: string) =>
    runLoadWithCpu(servers, 40, 300, (n) =>
      call(`${servers.apiUrl}/api/orders`, 201, buildOrderBody(n), { 'idempotency-key': `${kind}-${n}` }),
    );
  const delivered = await place('mails-delivered');
  await servers.stopMails();
  const waiting = await place('mails-waiting');
  servers.startMails();
  report({
    name: 'CPU time of an order, 40 concurrent, mail server unavailable',
    value: waiting.cpuMs,
    unit: 'ms',
    reference: 'mails delivered',
    referenceValue: delivered.cpuMs,
  });
  report({
    name: 'orders confirmed, 40 concurrent, mail server unavailable',
    value: waiting.perSecond,
    unit: '/s',
    reference: 'mails delivered',
    referenceValue: delivered.perSecond,
  });
}

async function measureLoad(servers: Servers, client: Client, concurrency: number, total: number) {
  const { apiUrl, referenceUrl, referenceQueue: taskQueue, countStatements } = servers;
  const load = (call: (n: number) => Promise<unknown>) => runLoadWithCpu(servers, concurrency, total, call);
  const workflowId = (name: string, n: number) => `${name}-${concurrency}-${n}`;
  const empty = await load((n) =>
    client.workflow.execute('empty', { workflowId: workflowId('empty', n), taskQueue }),
  );
  const shape = await load((n) => call(`${referenceUrl}/${workflowId('orderShape', n)}`, 201, ''));
  const before = await countStatements();
  const orders = await load((n) =>
    call(`${apiUrl}/api/orders`, 201, buildOrderBody(n), { 'idempotency-key': workflowId('bench', n) }),
  );
  const after = await countStatements();
  const statementsPerOrder =
    before === null || after === null ? null : (after - before) / countAllCalls(concurrency, total);
  return { empty, shape, orders, statementsPerOrder };
}

type LoadResults = Awaited<ReturnType<typeof measureLoad>>;

function reportLoad(
  { empty, shape, orders, statementsPerOrder }: LoadResults,
  concurrency: number,
  report: Reporter,
): void {
  const load = `${concurrency} concurrent`;
  const perSecond = { name: `orders confirmed, ${load}`, value: orders.perSecond, unit: '/s' };
  const hasTarget = concurrency === 40;
  report({
    ...perSecond,
    reference: 'empty workflow',
    referenceValue: empty.perSecond,
    ...(hasTarget ? { target: { atLeast: 0.6 } } : {}),
  });
  report({
    ...perSecond,
    reference: 'same shape',
    referenceValue: shape.perSecond,
    ...(hasTarget ? { target: { atLeast: 0.85 } } : {}),
  });
  report({
    name: `response to a placement, median, ${load}`,
    value: orders.p50Ms,
    unit: 'ms',
    reference: 'empty workflow',
    referenceValue: empty.p50Ms,
    ...(concurrency === 1 ? { target: { atMost: 2.5 } } : {}),
  });
  report({ name: `response to a placement, 99th percentile, ${load}`, value: orders.p99Ms, unit: 'ms' });
  report({
    name: `CPU time of an order, ${load}`,
    value: orders.cpuMs,
    unit: 'ms',
    reference: 'same shape',
    referenceValue: shape.cpuMs,
  });
  report({
    name: `SQL statements of an order, subscribers included, ${load}`,
    value: statementsPerOrder,
    unit: '',
  });
}

/** The load does not change the number of events. */
async function measureHistoryLength({ apiUrl }: Servers, client: Client, report: Reporter): Promise<void> {
  const { id } = JSON.parse(await call(`${apiUrl}/api/orders`, 201, buildOrderBody(0))) as { id: string };
  // The response precedes the last workflow task.
  let { status } = await client.workflow.getHandle(id).query(getOrder);
  while (status === 'placed') ({ status } = await client.workflow.getHandle(id).query(getOrder));
  const { historyLength } = await client.workflow.getHandle(id).describe();
  report({
    name: 'history events of a confirmed order',
    value: historyLength,
    unit: '',
    target: { atMost: 12 },
  });
}

async function runLoadWithCpu(
  { pids }: Servers,
  concurrency: number,
  total: number,
  call: (n: number) => Promise<unknown>,
): Promise<LoadResultWithCpu> {
  const before = getTotalCpuMs(pids);
  const result = await runLoad(concurrency, total, call);
  const after = getTotalCpuMs(pids);
  const isKnown = before !== null && after !== null;
  return { ...result, cpuMs: isKnown ? (after - before) / countAllCalls(concurrency, total) : null };
}

/** Null if the CPU time of a process is unknown. */
function getTotalCpuMs(pids: Servers['pids']): number | null {
  const times = Object.values(pids).map(getCpuMs);
  return times.reduce((total, ms) => (total === null || ms === null ? null : total + ms), 0);
}

const countAllCalls = (concurrency: number, total: number): number =>
  total + countWarmUpCalls(concurrency, total);

export const buildOrderBody = (n: number): string =>
  JSON.stringify({
    items: [{ sku: 'walnut-desk', quantity: 1 }],
    customer: { email: `c${n}@example.com`, name: 'Ada Byron' },
    shippingAddress: {
      name: 'Ada Byron',
      line1: '1 Main St',
      city: 'Berlin',
      postalCode: '10115',
      country: 'DE',
    },
    payment: { method: 'pm_card_visa' },
  });

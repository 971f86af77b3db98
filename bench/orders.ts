import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import { cpuMs } from './cpu';
import type { Report } from './figures';
import { call } from './http';
import { type Measured, measure, warmUpCalls } from './load';
import { decided } from './reference-workflows';
import type { Servers } from './servers';

const LOADS: [concurrency: number, total: number][] = [
  [1, 60],
  [40, 600],
  [200, 800],
];

type Load = Measured & { cpuMs: number | null };

/** Orders confirmed, beside workflows of the bare SDK that do nothing. */
export async function measureOrders(servers: Servers, client: Client, report: Report): Promise<void> {
  for (const [concurrency, total] of LOADS) {
    const loads = await measureLoad(servers, client, concurrency, total);
    reportLoad(loads, concurrency, report);
  }
  await measureOneOrder(servers, client, report);
}

async function measureLoad(servers: Servers, client: Client, concurrency: number, total: number) {
  const { apiUrl, referenceQueue: taskQueue, statements } = servers;
  const load = (call: (n: number) => Promise<unknown>) => withCpu(servers, concurrency, total, call);
  const workflowId = (name: string, n: number) => `${name}-${concurrency}-${n}`;
  const empty = await load((n) =>
    client.workflow.execute('empty', { workflowId: workflowId('empty', n), taskQueue }),
  );
  const shape = await load((n) =>
    client.workflow.executeUpdateWithStart(decided, {
      startWorkflowOperation: new WithStartWorkflowOperation('shape', {
        workflowId: workflowId('shape', n),
        taskQueue,
        workflowIdConflictPolicy: 'FAIL',
        args: [],
      }),
    }),
  );
  const before = await statements();
  const orders = await load((n) =>
    call(`${apiUrl}/api/orders`, 201, orderBody(n), { 'idempotency-key': workflowId('bench', n) }),
  );
  const after = await statements();
  const sent = before === null || after === null ? null : (after - before) / withWarmUp(concurrency, total);
  return { empty, shape, orders, statements: sent };
}

type Loads = Awaited<ReturnType<typeof measureLoad>>;

function reportLoad({ empty, shape, orders, statements }: Loads, concurrency: number, report: Report): void {
  const at = `${concurrency} at once`;
  const perSecond = { what: `orders confirmed, ${at}`, ours: orders.perSecond, unit: '/s' };
  const aims = concurrency === 40;
  report({
    ...perSecond,
    reference: 'empty workflow',
    theirs: empty.perSecond,
    ...(aims ? { aim: { atLeast: 0.5 } } : {}),
  });
  report({
    ...perSecond,
    reference: 'same shape, empty',
    theirs: shape.perSecond,
    ...(aims ? { aim: { atLeast: 0.75 } } : {}),
  });
  report({
    what: `answer to a placement, median, ${at}`,
    ours: orders.p50Ms,
    unit: 'ms',
    reference: 'empty workflow',
    theirs: empty.p50Ms,
    ...(concurrency === 1 ? { aim: { atMost: 4 } } : {}),
  });
  report({ what: `answer to a placement, 99th percentile, ${at}`, ours: orders.p99Ms, unit: 'ms' });
  report({
    what: `processor time of an order, ${at}`,
    ours: orders.cpuMs,
    unit: 'ms',
    reference: 'same shape, empty',
    theirs: shape.cpuMs,
  });
  report({ what: `SQL statements of an order, followers included, ${at}`, ours: statements, unit: '' });
}

/** Events are the same at any load. */
async function measureOneOrder({ apiUrl }: Servers, client: Client, report: Report): Promise<void> {
  const { id } = JSON.parse(await call(`${apiUrl}/api/orders`, 201, orderBody(0))) as { id: string };
  const { historyLength } = await client.workflow.getHandle(id).describe();
  report({ what: 'history events of a confirmed order', ours: historyLength, unit: '', aim: { atMost: 18 } });
}

async function withCpu(
  { pids }: Servers,
  concurrency: number,
  total: number,
  call: (n: number) => Promise<unknown>,
): Promise<Load> {
  const used = () => Object.values(pids).map(cpuMs);
  const before = used();
  const measured = await measure(concurrency, total, call);
  const after = used();
  const known = [...before, ...after].every((ms) => ms !== null);
  const spent = sum(after) - sum(before);
  return { ...measured, cpuMs: known ? spent / withWarmUp(concurrency, total) : null };
}

const sum = (times: readonly (number | null)[]): number =>
  times.reduce<number>((all, ms) => all + (ms ?? 0), 0);
const withWarmUp = (concurrency: number, total: number): number => total + warmUpCalls(concurrency, total);

export const orderBody = (n: number): string =>
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

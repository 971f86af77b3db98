import { getEventListeners } from 'node:events';
import { createApp } from '../../../api/http/app';
import { Admission } from '../../../api/http/limits/admission';
import { type ApiServer, listen } from '../../../api/http/server';
import type { Order } from '../../../api/orders/schemas';
import { getBacklogCount } from '../../../integrations/temporal/connect';
import { eventually } from '../../harness/eventually';
import { createApiContext } from '../../harness/http/api-context';
import { type HttpResponse, sendRequest } from '../../harness/http/http-client';
import { DIALECTS } from '../../harness/servers/databases';
import { startSystem } from '../../harness/servers/system';
import { WorkflowTestEnv } from '../../harness/workflow/workflow-test-env';
import { buildOrderRequest, expectProblem } from '../orders/orders';

const countByStatus = (responses: readonly HttpResponse<unknown>[], status: number) =>
  responses.filter((response) => response.status === status).length;

test.concurrent.each(DIALECTS)(
  '%s: admits some of 150 concurrent placements, rejects the others with Retry-After, and accepts them later',
  async (dialect) => {
    const [allowed, customers] = [20, 150];
    const system = await startSystem({ dialect, env: { MAX_PLACEMENTS: String(allowed) } });
    try {
      await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_500, times: allowed });
      const requests = Array.from({ length: customers }, (_, n) => ({
        body: buildOrderRequest(),
        key: { 'idempotency-key': `customer-${n}` },
      }));
      const place = ({ body, key }: (typeof requests)[number]) => system.placeOrder(body, key);
      const responses = await Promise.all(requests.map(place));

      expect(countByStatus(responses, 201) + countByStatus(responses, 503)).toBe(customers);
      expect(countByStatus(responses, 201)).toBeGreaterThanOrEqual(allowed);
      expect(countByStatus(responses, 503)).toBeGreaterThan(customers / 2);
      const rejected = requests.filter((_, n) => responses[n]?.status === 503);
      for (const response of responses.filter(({ status }) => status === 503)) {
        expectProblem(response, 503, 'overloaded');
        expect(response.headers['retry-after']).toBe('2');
      }
      // Rejected placements left no trace.
      expect(await system.listOrders()).toHaveLength(countByStatus(responses, 201));

      let pending = rejected;
      await eventually(
        'every customer has an order',
        async () => {
          const retries = await Promise.all(pending.map(place));
          pending = pending.filter((_, n) => retries[n]?.status === 503);
          return pending.length === 0;
        },
        120_000,
      );
      const orders = await system.listOrders();
      expect(orders).toHaveLength(customers);
      expect(orders.every((order) => order.status === 'confirmed')).toBe(true);
      expect(await system.listDoublePayments()).toEqual([]);
    } finally {
      await system.close();
    }
  },
);

describe('without workers', () => {
  const allowed = 30;
  const shutdownSignal = new AbortController().signal;
  let env: WorkflowTestEnv;
  let api: ApiServer;
  beforeAll(async () => {
    env = await WorkflowTestEnv.create();
    const { store, client, queues, policy } = env;
    const admission = new Admission({ placements: 100, waitingOrders: allowed }, () =>
      getBacklogCount(client, queues),
    );
    const context = createApiContext({
      store,
      temporal: client,
      queues,
      policy,
      admission,
      shutdownSignal,
    });
    api = await listen(createApp(context), '127.0.0.1', 0);
  });
  afterAll(async () => {
    await api?.stop(0);
    await env?.close();
  });

  const place = (prefer: string) =>
    sendRequest<Order>(`${api.url}/api/orders`, { body: buildOrderRequest(), headers: { prefer } });

  test('accepts orders up to the backlog limit and rejects more until a worker runs', async () => {
    await env.stopWorkers();
    const accepted: string[] = [];
    const rejection = await eventually('a rejection', async () => {
      const response = await place('respond-async');
      if (response.status === 202) accepted.push(response.body.id);
      return response.status !== 202 && response;
    });
    expectProblem(rejection, 503, 'overloaded');
    expect(rejection.headers['retry-after']).toBe('10');
    expect(accepted.length).toBeGreaterThanOrEqual(allowed);

    await env.startWorkers();
    // The count lags behind, so hundreds may be accepted: one query for all of them leaves the workers time.
    await eventually(
      'all accepted orders are decided',
      async () => {
        const confirmed = await env.store.orders.list({ status: 'confirmed', limit: accepted.length });
        return confirmed.length === accepted.length;
      },
      200_000,
    );
    expect((await env.store.orders.list({ limit: 2 * accepted.length })).map(({ id }) => id).sort()).toEqual(
      accepted.toSorted(),
    );
    const placed = await eventually('orders are accepted again', async () => {
      const response = await place('wait=20');
      return response.status === 201 && response;
    });
    expect(placed.body.status).toBe('confirmed');
    // Completed requests leave no listener.
    expect(getEventListeners(shutdownSignal, 'abort')).toEqual([]);
  });
});

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

const countByStatus = (answers: readonly HttpResponse<unknown>[], status: number) =>
  answers.filter((answer) => answer.status === status).length;

test.concurrent.each(DIALECTS)(
  '%s: of 150 placements at once some are taken, the rest is told at once when to come back, and then taken',
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
      const answers = await Promise.all(requests.map(place));

      expect(countByStatus(answers, 201) + countByStatus(answers, 503)).toBe(customers);
      expect(countByStatus(answers, 201)).toBeGreaterThanOrEqual(allowed);
      expect(countByStatus(answers, 503)).toBeGreaterThan(customers / 2);
      const refused = requests.filter((_, n) => answers[n]?.status === 503);
      for (const answer of answers.filter(({ status }) => status === 503)) {
        expectProblem(answer, 503, 'overloaded');
        expect(answer.headers['retry-after']).toBe('2');
      }
      // What was refused has left nothing behind.
      expect(await system.listOrders()).toHaveLength(countByStatus(answers, 201));

      let waiting = refused;
      await eventually(
        'everybody has an order',
        async () => {
          const again = await Promise.all(waiting.map(place));
          waiting = waiting.filter((_, n) => again[n]?.status === 503);
          return waiting.length === 0;
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

describe('while no worker takes orders up', () => {
  const allowed = 30;
  const hurry = new AbortController().signal;
  let lab: WorkflowTestEnv;
  let api: ApiServer;
  beforeAll(async () => {
    lab = await WorkflowTestEnv.create();
    const { store, client, queues, policy } = lab;
    const admission = new Admission({ placements: 100, waitingOrders: allowed }, () =>
      getBacklogCount(client, queues),
    );
    const context = createApiContext({
      store,
      temporal: client,
      queues,
      policy,
      admission,
      shutdownSignal: hurry,
    });
    api = await listen(createApp(context), '127.0.0.1', 0);
  });
  afterAll(async () => {
    await api?.stop(0);
    await lab?.close();
  });

  const place = (prefer: string) =>
    sendRequest<Order>(`${api.url}/api/orders`, { body: buildOrderRequest(), headers: { prefer } });

  test('a number of orders may wait for one; more are not taken until it is back', async () => {
    await lab.stopWorkers();
    const accepted: string[] = [];
    const refusal = await eventually('a refusal', async () => {
      const answer = await place('respond-async');
      if (answer.status === 202) accepted.push(answer.body.id);
      return answer.status !== 202 && answer;
    });
    expectProblem(refusal, 503, 'overloaded');
    expect(refusal.headers['retry-after']).toBe('10');
    expect(accepted.length).toBeGreaterThanOrEqual(allowed);

    await lab.startWorkers();
    // The number of those that wait is known a little late, so they may be hundreds: one query asks for all of them,
    // not one for each, which would leave the workers no time.
    await eventually(
      'all that were accepted are decided',
      async () => {
        const confirmed = await lab.store.orders.list({ status: 'confirmed', limit: accepted.length });
        return confirmed.length === accepted.length;
      },
      200_000,
    );
    expect((await lab.store.orders.list({ limit: 2 * accepted.length })).map(({ id }) => id).sort()).toEqual(
      accepted.toSorted(),
    );
    const taken = await eventually('orders are taken again', async () => {
      const answer = await place('wait=20');
      return answer.status === 201 && answer;
    });
    expect(taken.body.status).toBe('confirmed');
    // Who has been answered is forgotten.
    expect(getEventListeners(hurry, 'abort')).toEqual([]);
  });
});

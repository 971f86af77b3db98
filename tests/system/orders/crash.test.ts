import { eventually } from '../../harness/eventually';
import { DIALECTS, type Dialect } from '../../harness/servers/databases';
import { startSystem } from '../../harness/servers/system';
import { buildOrderRequest } from './orders';

/** A payment activity that lost its worker is retried after its attempt timeout. */
const DECISION_TIMEOUT_MS = 90_000;

test.concurrent.each(DIALECTS)(
  '%s: a kill during a payment and a retry with the same key create one order and one payment',
  async (dialect: Dialect) => {
    const system = await startSystem({ dialect });
    try {
      const [body, key] = [buildOrderRequest(), { 'idempotency-key': 'once' }];
      await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_000 });
      const aborted = system.placeOrder(body, key).catch(() => 'aborted');
      const inFlight = await eventually('a payment in flight', async () => (await system.listIntents())[0]);

      await system.kill();
      expect(await aborted).toBe('aborted');
      await system.restart();
      const response = await eventually(
        'the decision',
        async () => {
          const retry = await system.placeOrder(body, { ...key, prefer: 'wait=20' });
          return retry.status === 201 && retry;
        },
        DECISION_TIMEOUT_MS,
      );

      expect(response.body).toMatchObject({ id: inFlight.order_id, status: 'confirmed', payment: 'paid' });
      expect(response.headers['idempotent-replayed']).toBe('true');
      expect(await system.listOrders()).toHaveLength(1);
      expect(await system.listIntents()).toEqual([
        expect.objectContaining({ status: 'succeeded', amount_captured: response.body.total.amount }),
      ]);
    } finally {
      await system.close();
    }
  },
);

import { eventually } from '../../harness/eventually';
import { DIALECTS, type Dialect } from '../../harness/servers/databases';
import { startSystem } from '../../harness/servers/system';
import { buildOrderRequest } from './orders';

/** A payment that lost its worker is tried again after the time one attempt may take. */
const DECISION_TIMEOUT_MS = 90_000;

test.concurrent.each(DIALECTS)(
  '%s: a kill in the middle of a payment and a retry with the key make one order and one payment',
  async (dialect: Dialect) => {
    const system = await startSystem({ dialect });
    try {
      const [body, key] = [buildOrderRequest(), { 'idempotency-key': 'once' }];
      await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_000 });
      const lost = system.placeOrder(body, key).catch(() => 'lost');
      const inFlight = await eventually('a payment under way', async () => (await system.listIntents())[0]);

      await system.kill();
      expect(await lost).toBe('lost');
      await system.restart();
      const answer = await eventually(
        'the decision',
        async () => {
          const retry = await system.placeOrder(body, { ...key, prefer: 'wait=20' });
          return retry.status === 201 && retry;
        },
        DECISION_TIMEOUT_MS,
      );

      expect(answer.body).toMatchObject({ id: inFlight.order_id, status: 'confirmed', payment: 'paid' });
      expect(answer.headers['idempotent-replayed']).toBe('true');
      expect(await system.listOrders()).toHaveLength(1);
      expect(await system.listIntents()).toEqual([
        expect.objectContaining({ status: 'succeeded', amount_captured: answer.body.total.amount }),
      ]);
    } finally {
      await system.close();
    }
  },
);

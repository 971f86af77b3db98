import type { Order } from '../../../api/orders/schemas';
import { eventually } from '../../harness/eventually';
import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { terminateWorkflow } from '../../harness/workflow/reconciliation';
import { buildOrderRequest } from './orders';

describe.each(DIALECTS)('an order whose workflow was terminated on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect, env: { RECONCILE_EVERY_SECONDS: '1' } });
  });
  afterAll(() => system?.close());

  test('is restarted by the Schedule, with the restart in its history, and can be cancelled', async () => {
    const { body: placed } = await system.placeOrder(buildOrderRequest());
    expect(placed.status).toBe('confirmed');
    await terminateWorkflow(placed.id);

    const history = await eventually(
      'the restart to be in the history',
      async () => {
        const restarted = await system.getHistory(placed.id);
        return restarted.workflow?.status === 'RUNNING' && restarted;
      },
      120_000,
    );
    expect(history.entries.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['OrderConfirmed', 'Terminated', 'Restarted']),
    );
    expect(system.readLog()).toContain('order was restarted');
    expect(await system.getOrder(placed.id)).toEqual(placed);

    const cancelled = await system.request<Order>(`/api/orders/${placed.id}/cancel`, {
      method: 'POST',
      headers: { prefer: 'wait=20' },
    });
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', payment: 'refunded' } });
    expect(await system.listDoublePayments()).toEqual([]);
    expect((await system.getStock('walnut-desk')).reserved).toBe(0);
  });
});

import type { Order } from '../../../api/orders/schemas';
import { eventually } from '../../harness/eventually';
import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { terminate } from '../../harness/workflow/reconciling';
import { orderOf } from './orders';

describe.each(DIALECTS)('an order whose workflow was terminated, on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect, env: { RECONCILE_EVERY_SECONDS: '1' } });
  });
  afterAll(() => system?.close());

  test('is started again by the system itself, says so, and can be cancelled', async () => {
    const { body: placed } = await system.place(orderOf());
    expect(placed.status).toBe('confirmed');
    await terminate(placed.id);

    const history = await eventually(
      'its history to tell of the restart',
      async () => {
        const told = await system.history(placed.id);
        return told.workflow?.status === 'RUNNING' && told;
      },
      120_000,
    );
    expect(history.entries.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['OrderConfirmed', 'Terminated', 'Restarted']),
    );
    expect(system.log()).toContain('order was restarted');
    expect(await system.order(placed.id)).toEqual(placed);

    const cancelled = await system.api<Order>(`/api/orders/${placed.id}/cancel`, {
      method: 'POST',
      headers: { prefer: 'wait=20' },
    });
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', payment: 'refunded' } });
    expect(await system.doublePayments()).toEqual([]);
    expect((await system.stock('walnut-desk')).reserved).toBe(0);
  });
});

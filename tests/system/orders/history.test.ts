import { Client, Connection } from '@temporalio/client';
import type { HistoryEntry, Order } from '../../../api/orders/schemas';
import { eventually } from '../../harness/eventually';
import { DIALECTS } from '../../harness/servers/databases';
import { getServerConfig } from '../../harness/servers/server-config';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, DECLINED_CARD, expectProblem, type Problem } from './orders';

describe.each(DIALECTS)('the history of an order on %s', (dialect) => {
  let system: System;
  let client: Client;
  let order: Order;
  beforeAll(async () => {
    const address = getServerConfig().temporalAddress;
    client = new Client({ connection: await Connection.connect({ address }) });
    system = await startSystem({ dialect });
    order = (await system.placeOrder(buildOrderRequest({ 'oak-desk': 2 }))).body;
    await system.request(`/api/orders/${order.id}/cancel`, {
      body: { reason: 'too large' },
      headers: { prefer: 'wait=20' },
    });
  });
  afterAll(async () => {
    await client?.connection.close();
    await system?.close();
  });

  const waitForSentMails = async (id: string, count: number) =>
    eventually(`${count} sent mails in the history`, async () => {
      const history = await system.getHistory(id);
      return history.entries.filter((e) => e.type === 'NotificationSent').length === count && history;
    });
  const toTextAndActor = (entries: readonly HistoryEntry[]) => entries.map(({ what, by }) => [what, by]);

  test('describes the steps and actors of a confirmed and cancelled order', async () => {
    const { orderId, workflow, entries } = await waitForSentMails(order.id, 2);

    expect(orderId).toBe(order.id);
    const withoutMails = entries.filter((e) => e.type !== 'NotificationSent');
    const compensations = ['StockReleased', 'PaymentRefunded'];
    expect(toTextAndActor(withoutMails.filter((e) => !compensations.includes(e.type)))).toEqual([
      ['Order placed for €778.00', system.machineActor],
      ['Stock reserved: 2 × oak-desk in BER', 'system'],
      ['Payment of €778.00 captured', 'provider'],
      ['Order confirmed', 'system'],
      ['Signal cancelOrder requests cancellation', `signal (claims: ${system.machineActor}, by REST)`],
      ['Cancellation requested: too large', `signal (claims: ${system.machineActor}, by REST)`],
      [
        'Order cancelled: stock released, payment reversed',
        `signal (claims: ${system.machineActor}, by REST)`,
      ],
    ]);
    // The compensations run concurrently, between the request and the completion.
    expect(toTextAndActor(withoutMails.slice(-3, -1)).toSorted()).toEqual([
      ['Payment of €778.00 refunded', 'provider'],
      ['Stock released: 2 × oak-desk in BER', 'system'],
    ]);
    const times = entries.map((e) => e.at);
    expect(times).toEqual(times.toSorted());
    expect(workflow).toMatchObject({ id: order.id, status: 'COMPLETED', events: expect.any(Number) });
    expect(workflow?.url).toBe(
      `http://127.0.0.1:8233/namespaces/default/workflows/${order.id}/${workflow?.runId}/history`,
    );
  });

  test('every step is anchored in the workflow history', async () => {
    const { entries } = await system.getHistory(order.id);
    const orderEvents = entries.filter((e) => e.source === 'log' && e.event?.id.startsWith(order.id));
    const anchored = orderEvents.filter((e) => e.anchored !== undefined);
    expect(anchored.every((e) => e.anchored === true)).toBe(true);
    // Only the last event of each transaction is anchored; the hash chain covers the earlier ones.
    expect(anchored.map((e) => e.type).toSorted()).toEqual([
      'OrderCancellationStarted',
      'OrderCancelled',
      'OrderConfirmed',
      'PaymentRefunded',
      'StockReleased',
      'StockReserved',
    ]);
  });

  test('contains the mails', async () => {
    const { entries } = await waitForSentMails(order.id, 2);
    const mails = entries.filter((e) => e.type === 'NotificationSent');
    expect(toTextAndActor(mails)).toEqual([
      ['Email sent: order confirmation', 'system'],
      ['Email sent: order cancellation', 'system'],
    ]);
  });

  test('contains the retries of a payment', async () => {
    await system.injectFault({ operation: 'create', mode: 'fail_before', times: 2 });
    const { body } = await system.placeOrder(buildOrderRequest());
    const { entries } = await system.getHistory(body.id);
    expect(entries.filter((e) => e.type === 'ActivityRetried')[0]).toMatchObject({
      what: expect.stringMatching(/^Attempt 3 to capture the payment; previous attempt: payment provider: /),
      by: 'system',
      source: 'workflow',
    });
  });

  test('contains the reason of a rejection', async () => {
    const { body } = await system.placeOrder<Problem>(
      buildOrderRequest(undefined, { method: DECLINED_CARD }),
    );
    const { entries } = await waitForSentMails(String(body.orderId), 1);
    expect(entries.map((e) => e.what)).toEqual(
      expect.arrayContaining([
        'Payment of €419.00 failed: generic_decline',
        'Order rejected: The payment method was declined.',
        'Email sent: payment declined',
      ]),
    );
  });

  test('contains no personal data', async () => {
    const { text } = await system.request(`/api/orders/${order.id}/history`);
    for (const personal of ['Ada', 'Byron', 'Main St', '10115', '@mail.example'])
      expect(text).not.toContain(personal);
  });

  test('returns 404 for an unknown order', async () => {
    expectProblem(
      await system.request('/api/orders/ord_00000000000000000000000000/history'),
      404,
      'not_found',
    );
  });

  // The deletion takes half a minute in Temporal and does not depend on the dialect: one is enough.
  if (dialect !== DIALECTS[0]) return;
  test('is read from the log alone after Temporal deleted the workflow', async () => {
    const before = await system.getHistory(order.id);
    await client.workflowService.deleteWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId: order.id },
    });

    const after = await eventually(
      'the workflow to be deleted',
      async () => {
        const history = await system.getHistory(order.id);
        return history.workflow === null && history;
      },
      120_000,
    );

    const fromLog = before.entries.filter((e) => e.source === 'log');
    expect(after.entries).toEqual(fromLog.map(({ anchored: _, ...entry }) => entry));
    expect(await system.getOrder(order.id)).toMatchObject({ status: 'cancelled' });
    expect((await system.request(`/api/orders/${order.id}?consistency=strong`)).status).toBe(200);
  });
});

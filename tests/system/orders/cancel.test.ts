import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Order } from '../../../api/orders/schemas';
import { eventually } from '../../harness/eventually';
import { DIALECTS } from '../../harness/servers/databases';
import { getServerConfig } from '../../harness/servers/server-config';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, DECLINED_CARD, expectProblem, type Problem } from './orders';

/** Runs the `temporal` command against the server of the system. */
const runTemporalCli = (...args: string[]) => {
  const { temporalCli: command, temporalAddress } = getServerConfig();
  return promisify(execFile)(command, [...args, '--address', temporalAddress]);
};

describe.each(DIALECTS)('cancelling orders on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect });
  });
  afterAll(() => system?.close());

  const placeConfirmedOrder = async (): Promise<Order> => {
    const { status, body } = await system.placeOrder(buildOrderRequest({ 'oak-desk': 2 }));
    expect(status).toBe(201);
    return body;
  };
  const cancel = <T = Order>(id: string, body?: unknown, headers: Record<string, string> = {}) =>
    system.request<T>(`/api/orders/${id}/cancel`, { method: 'POST', headers, body });

  /** Expects a cancelled order whose payment is refunded and whose stock is released. */
  const expectCompensated = async (order: Order, by: string, reason: string | null) => {
    expect(await system.getOrder(order.id)).toMatchObject({
      status: 'cancelled',
      payment: 'refunded',
      cancellation: { reason, requestedBy: by },
      actions: { cancel: { allowed: false } },
    });
    expect(await system.listIntents(order.id)).toEqual([
      expect.objectContaining({ amount_captured: order.total.amount, amount_refunded: order.total.amount }),
    ]);
    expect((await system.getStock('oak-desk')).reserved).toBe(0);
  };

  test('with wait, returns the cancelled order, refunded and with its stock released', async () => {
    const order = await placeConfirmedOrder();

    const response = await cancel(order.id, { reason: 'changed my mind' }, { prefer: 'wait=20' });

    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({
      'preference-applied': 'wait=20',
      etag: `"${response.body.version}"`,
    });
    expect(response.body).toMatchObject({ id: order.id, status: 'cancelled', payment: 'refunded' });
    expect(response.body.version).toBeGreaterThan(order.version);
    await expectCompensated(order, `signal (claims: ${system.machineActor}, by REST)`, 'changed my mind');
  });

  test('without wait, returns 202 with the location of the order', async () => {
    const order = await placeConfirmedOrder();

    const response = await cancel(order.id);

    expect(response.status).toBe(202);
    expect(response.headers.location).toBe(`/api/orders/${order.id}`);
    await system.waitForStatus(order.id, 'cancelled');
    await expectCompensated(order, `signal (claims: ${system.machineActor}, by REST)`, null);
  });

  test('ten concurrent cancellations and a later one cancel and refund once', async () => {
    const order = await placeConfirmedOrder();

    const responses = await Promise.all(
      Array.from({ length: 10 }, () => cancel(order.id, {}, { prefer: 'wait=20' })),
    );
    const later = await cancel(order.id, {}, { prefer: 'wait=20' });

    expect(responses.map((a) => a.status)).toEqual(Array(10).fill(200));
    expect([later.status, later.body.status]).toEqual([200, 'cancelled']);
    expect(later.body.version).toBe(responses[0]?.body.version);
    await expectCompensated(order, `signal (claims: ${system.machineActor}, by REST)`, null);
    const logEntries = (await system.getHistory(order.id)).entries.filter((e) => e.source === 'log');
    expect(logEntries.filter((e) => e.type === 'OrderCancelled')).toHaveLength(1);
    expect(logEntries.filter((e) => e.type === 'PaymentRefunded')).toHaveLength(1);
  });

  test('an order cancelled during its payment is cancelled, and nothing remains captured', async () => {
    await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_500 });
    const { body: placed } = await system.placeOrder(buildOrderRequest({ 'oak-desk': 2 }), {
      prefer: 'respond-async',
    });
    await eventually('a payment in flight', async () => (await system.listIntents(placed.id)).length === 1);

    const response = await cancel(placed.id, {}, { prefer: 'wait=20' });

    expect(response).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    const [intent] = await system.listIntents(placed.id);
    expect((intent?.amount_captured ?? 0) - (intent?.amount_refunded ?? 0)).toBe(0);
    expect(['succeeded', 'canceled']).toContain(intent?.status);
    expect((await system.getStock('oak-desk')).reserved).toBe(0);
  });

  test('retries a failing refund until it succeeds', async () => {
    const order = await placeConfirmedOrder();
    await system.injectFault({ operation: 'refund', mode: 'fail_before', times: 2 });
    await system.injectFault({ operation: 'refund', mode: 'drop_after', times: 1 });
    await cancel(order.id);
    await system.waitForStatus(order.id, 'cancelled', 120_000);
    await expectCompensated(order, `signal (claims: ${system.machineActor}, by REST)`, null);
  });

  test('rejects the cancellation of a rejected order with the reason', async () => {
    const { body } = await system.placeOrder<Problem>(
      buildOrderRequest({ 'oak-desk': 1 }, { method: DECLINED_CARD }),
    );
    const response = await cancel<Problem>(String(body.orderId), {}, { prefer: 'wait=5' });
    expect(expectProblem(response, 409, 'not_cancellable')).toMatchObject({
      reason: 'already_rejected',
      detail: expect.stringContaining('rejected'),
    });
  });

  test('returns 404 for an unknown order', async () => {
    expectProblem(await cancel('ord_00000000000000000000000000'), 404, 'not_found');
    expectProblem(await cancel('nonsense'), 404, 'not_found');
  });

  test.each<[label: string, body: unknown, pointer: string]>([
    ['an unknown field', { why: 'x' }, '/why'],
    ['another requester', { requestedBy: 'admin' }, '/requestedBy'],
    ['a reason that is not a string', { reason: 7 }, '/reason'],
    ['a reason with a line break', { reason: 'a\nb' }, '/reason'],
    ['a reason that is too long', { reason: 'x'.repeat(201) }, '/reason'],
  ])('returns 400 for %s and cancels nothing', async (_label, body, pointer) => {
    const order = await placeConfirmedOrder();
    const { errors } = expectProblem(await cancel<Problem>(order.id, body), 400, 'invalid_request');
    expect(errors?.map((e) => e.pointer)).toEqual([pointer]);
    expect(await system.getOrder(order.id)).toMatchObject({ status: 'confirmed', version: order.version });
    await cancel(order.id, {}, { prefer: 'wait=20' });
  });

  test('the signal sent with the temporal command without input cancels the order', async () => {
    const order = await placeConfirmedOrder();
    await runTemporalCli('workflow', 'signal', '--workflow-id', order.id, '--name', 'cancelOrder');
    await system.waitForStatus(order.id, 'cancelled');
    await expectCompensated(order, 'signal', null);
  });

  test('the requester and the reason of a signal are stored as a claim, without personal data', async () => {
    const order = await placeConfirmedOrder();
    const input = JSON.stringify({ reason: 'call +49 30 1234567', requestedBy: 'ops desk' });
    const signal = ['workflow', 'signal', '--workflow-id', order.id, '--name', 'cancelOrder'];
    await runTemporalCli(...signal, '--input', input);
    await system.waitForStatus(order.id, 'cancelled');
    await expectCompensated(order, 'signal (claims: ops desk)', 'call [removed]');
  });

  test('cancelling the workflow in Temporal cancels the order', async () => {
    const order = await placeConfirmedOrder();
    await runTemporalCli('workflow', 'cancel', '--workflow-id', order.id);
    await system.waitForStatus(order.id, 'cancelled');
    await expectCompensated(order, 'temporal', null);
    await eventually('the workflow to complete', async () => {
      const { stdout } = await runTemporalCli(
        'workflow',
        'describe',
        '--workflow-id',
        order.id,
        '-o',
        'json',
      );
      return stdout.includes('WORKFLOW_EXECUTION_STATUS_COMPLETED');
    });
  });
});

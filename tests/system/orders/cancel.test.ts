import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Order } from '../../../api/orders/schemas';
import { eventually } from '../../harness/eventually';
import { DIALECTS } from '../../harness/servers/databases';
import { getServerConfig } from '../../harness/servers/server-config';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, DECLINED_CARD, expectProblem, type Problem } from './orders';

/** The command people use, against the server the system uses. */
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

  const confirmed = async (): Promise<Order> => {
    const { status, body } = await system.placeOrder(buildOrderRequest({ 'oak-desk': 2 }));
    expect(status).toBe(201);
    return body;
  };
  const cancel = <T = Order>(id: string, body?: unknown, headers: Record<string, string> = {}) =>
    system.request<T>(`/api/orders/${id}/cancel`, { method: 'POST', headers, body });

  /** The end of every cancellation: money and stock are where they were. */
  const expectUndone = async (order: Order, by: string, reason: string | null) => {
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

  test('asked to wait, the answer is the cancelled order with money and stock given back', async () => {
    const order = await confirmed();

    const answer = await cancel(order.id, { reason: 'changed my mind' }, { prefer: 'wait=20' });

    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'preference-applied': 'wait=20',
      etag: `"${answer.body.version}"`,
    });
    expect(answer.body).toMatchObject({ id: order.id, status: 'cancelled', payment: 'refunded' });
    expect(answer.body.version).toBeGreaterThan(order.version);
    await expectUndone(order, `signal (claims: ${system.machineActor}, by REST)`, 'changed my mind');
  });

  test('not asked to wait, the answer is 202 and where the end will be', async () => {
    const order = await confirmed();

    const answer = await cancel(order.id);

    expect(answer.status).toBe(202);
    expect(answer.headers.location).toBe(`/api/orders/${order.id}`);
    await system.waitForStatus(order.id, 'cancelled');
    await expectUndone(order, `signal (claims: ${system.machineActor}, by REST)`, null);
  });

  test('cancelled by ten at once and once more later, it is cancelled and refunded once', async () => {
    const order = await confirmed();

    const answers = await Promise.all(
      Array.from({ length: 10 }, () => cancel(order.id, {}, { prefer: 'wait=20' })),
    );
    const later = await cancel(order.id, {}, { prefer: 'wait=20' });

    expect(answers.map((a) => a.status)).toEqual(Array(10).fill(200));
    expect([later.status, later.body.status]).toEqual([200, 'cancelled']);
    expect(later.body.version).toBe(answers[0]?.body.version);
    await expectUndone(order, `signal (claims: ${system.machineActor}, by REST)`, null);
    const told = (await system.getHistory(order.id)).entries.filter((e) => e.source === 'log');
    expect(told.filter((e) => e.type === 'OrderCancelled')).toHaveLength(1);
    expect(told.filter((e) => e.type === 'PaymentRefunded')).toHaveLength(1);
  });

  test('an order cancelled while it is being paid ends cancelled, paid by nobody', async () => {
    await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_500 });
    const { body: placed } = await system.placeOrder(buildOrderRequest({ 'oak-desk': 2 }), {
      prefer: 'respond-async',
    });
    await eventually('a payment under way', async () => (await system.listIntents(placed.id)).length === 1);

    const answer = await cancel(placed.id, {}, { prefer: 'wait=20' });

    expect(answer).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    const [intent] = await system.listIntents(placed.id);
    expect((intent?.amount_captured ?? 0) - (intent?.amount_refunded ?? 0)).toBe(0);
    expect(['succeeded', 'canceled']).toContain(intent?.status);
    expect((await system.getStock('oak-desk')).reserved).toBe(0);
  });

  test('a refund that fails at first is tried again until the money is back', async () => {
    const order = await confirmed();
    await system.injectFault({ operation: 'refund', mode: 'fail_before', times: 2 });
    await system.injectFault({ operation: 'refund', mode: 'drop_after', times: 1 });
    await cancel(order.id);
    await system.waitForStatus(order.id, 'cancelled', 120_000);
    await expectUndone(order, `signal (claims: ${system.machineActor}, by REST)`, null);
  });

  test('a rejected order cannot be cancelled, and the answer says why', async () => {
    const { body } = await system.placeOrder<Problem>(
      buildOrderRequest({ 'oak-desk': 1 }, { method: DECLINED_CARD }),
    );
    const answer = await cancel<Problem>(String(body.orderId), {}, { prefer: 'wait=5' });
    expect(expectProblem(answer, 409, 'not_cancellable')).toMatchObject({
      reason: 'already_rejected',
      detail: expect.stringContaining('rejected'),
    });
  });

  test('an order that does not exist is answered with 404', async () => {
    expectProblem(await cancel('ord_00000000000000000000000000'), 404, 'not_found');
    expectProblem(await cancel('nonsense'), 404, 'not_found');
  });

  test.each<[what: string, body: unknown, pointer: string]>([
    ['an unknown field', { why: 'x' }, '/why'],
    ['somebody else as the one who asks', { requestedBy: 'admin' }, '/requestedBy'],
    ['a reason that is no text', { reason: 7 }, '/reason'],
    ['a reason with a line break', { reason: 'a\nb' }, '/reason'],
    ['a reason without end', { reason: 'x'.repeat(201) }, '/reason'],
  ])('%s is refused with 400 and cancels nothing', async (_what, body, pointer) => {
    const order = await confirmed();
    const { errors } = expectProblem(await cancel<Problem>(order.id, body), 400, 'invalid_request');
    expect(errors?.map((e) => e.pointer)).toEqual([pointer]);
    expect(await system.getOrder(order.id)).toMatchObject({ status: 'confirmed', version: order.version });
    await cancel(order.id, {}, { prefer: 'wait=20' });
  });

  test('the signal typed by hand, without any input, cancels the order', async () => {
    const order = await confirmed();
    await runTemporalCli('workflow', 'signal', '--workflow-id', order.id, '--name', 'cancelOrder');
    await system.waitForStatus(order.id, 'cancelled');
    await expectUndone(order, 'signal', null);
  });

  test('the signal tells who asks and why; it is shown as a claim, without personal data', async () => {
    const order = await confirmed();
    const input = JSON.stringify({ reason: 'call +49 30 1234567', requestedBy: 'ops desk' });
    const signal = ['workflow', 'signal', '--workflow-id', order.id, '--name', 'cancelOrder'];
    await runTemporalCli(...signal, '--input', input);
    await system.waitForStatus(order.id, 'cancelled');
    await expectUndone(order, 'signal (claims: ops desk)', 'call [removed]');
  });

  test("Temporal's own cancel is a cancellation of the order", async () => {
    const order = await confirmed();
    await runTemporalCli('workflow', 'cancel', '--workflow-id', order.id);
    await system.waitForStatus(order.id, 'cancelled');
    await expectUndone(order, 'temporal', null);
    await eventually('the workflow completed', async () => {
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

import { getEventListeners, setMaxListeners } from 'node:events';
import { request } from 'node:http';
import { PlacementDecisions } from '../../../services/orders/placement-decisions';
import { eventually } from '../../harness/eventually';
import { DIALECTS } from '../../harness/servers/databases';
import { WorkflowTestEnv } from '../../harness/workflow/workflow-test-env';
import { buildOrderRequest, DECLINED_CARD, type Problem } from './orders';
import { describeStart, type PlacementApi, servePlacements } from './placement-api';

const STARTED_EAGERLY = { eager: true, updates: 0 };

let keyCount = 0;
const createKey = () => {
  keyCount += 1;
  return { 'idempotency-key': `eager-${keyCount}` };
};

describe.each(DIALECTS)('an API with workers in its process on %s', (dialect) => {
  let env: WorkflowTestEnv;
  let api: PlacementApi;
  const shutdown = new AbortController();
  setMaxListeners(0, shutdown.signal);
  beforeAll(async () => {
    env = await WorkflowTestEnv.create({ dialect });
    api = await servePlacements(env, { shutdownSignal: shutdown.signal });
  });
  afterEach(async () => {
    await env.clearFaults();
    // Completed requests leave nothing behind.
    await eventually('no subscription', () => env.decisions.waitingCount === 0);
    expect(env.decisions.countUndecidedEagerStarts()).toBe(0);
    expect(getEventListeners(shutdown.signal, 'abort')).toEqual([]);
  });
  afterAll(async () => {
    await api?.server.stop(0);
    await env?.close();
  });

  test('starts the order on its own worker and answers without an update, as stored', async () => {
    const [body, key] = [buildOrderRequest(), createKey()];
    const first = await api.place(body, key);
    expect([first.status, first.body.status]).toEqual([201, 'confirmed']);
    expect(await describeStart(env, first.body.id)).toEqual(STARTED_EAGERLY);

    const replayed = await api.place(body, key);
    expect(replayed.headers['idempotent-replayed']).toBe('true');
    expect(replayed.text).toBe(first.text);
  });

  test.each([
    ['402 for a declined card', 402, buildOrderRequest({ 'walnut-desk': 1 }, { method: DECLINED_CARD })],
    ['409 for a shortage', 409, buildOrderRequest({ 'walnut-desk': 1, 'limited-1': 2 })],
  ])('returns %s without an update, as stored', async (_name, status, body) => {
    const key = createKey();
    const first = await api.place<Problem>(body, key);
    expect(first.status).toBe(status);
    expect(await describeStart(env, String(first.body.orderId))).toEqual(STARTED_EAGERLY);

    const replayed = await api.place<Problem>(body, key);
    expect(replayed.headers['idempotent-replayed']).toBe('true');
    expect(JSON.stringify({ ...replayed.body, requestId: first.body.requestId })).toBe(first.text);
  });

  test('returns an order that is cancelled meanwhile without an update, as stored', async () => {
    await env.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 500, times: 1 });
    const [body, key] = [buildOrderRequest(), createKey()];
    const known = await listOrderIds();
    const placed = api.place(body, key);
    const id = await findNewOrder(known);
    await eventually('the payment in flight', async () => (await env.listIntents(id)).length === 1);
    await env.getHandle(id).signal('cancelOrder');

    const first = await placed;
    expect([first.status, first.body.id, first.body.status]).toEqual([201, id, 'cancelling']);
    expect(await describeStart(env, id)).toEqual(STARTED_EAGERLY);
    expect((await api.place(body, key)).text).toBe(first.text);
  });

  test('returns the first decision of an order that is confirmed, then cancelled', async () => {
    const [body, key] = [buildOrderRequest(), createKey()];
    const first = await api.place(body, key);
    await env.getHandle(first.body.id).signal('cancelOrder');
    await env.getHandle(first.body.id).result();
    expect((await api.place(body, key)).text).toBe(first.text);
  });

  test('twenty concurrent requests with one key create one order and get equal responses', async () => {
    const [body, key] = [buildOrderRequest(), createKey()];
    const responses = await Promise.all(Array.from({ length: 20 }, () => api.place(body, key)));
    expect(new Set(responses.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(responses[0]?.status).toBe(201);
    expect(await env.listIntents(responses[0]?.body.id ?? '')).toHaveLength(1);
  });

  test('two APIs with one key create one order and return equal responses', async () => {
    // The other API has its own process, as far as decisions and workers are concerned.
    const other = await servePlacements(env, {
      decisions: new PlacementDecisions(),
      eagerClient: () => undefined,
    });
    try {
      for (let round = 0; round < 5; round += 1) {
        const [body, key] = [buildOrderRequest(), createKey()];
        const [a, b] = await Promise.all([api.place(body, key), other.place(body, key)]);
        expect([a.status, a.text]).toEqual([201, b.text]);
        expect([a, b].filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(1);
        expect(await env.listIntents(a.body.id)).toHaveLength(1);
      }
    } finally {
      await other.server.stop(0);
    }
  });

  test('waits for a slow decision without an update', async () => {
    await env.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_800, times: 1 });
    const { status, body } = await api.place(buildOrderRequest(), { prefer: 'wait=20' });
    expect([status, body.status]).toEqual([201, 'confirmed']);
    expect(await describeStart(env, body.id)).toEqual(STARTED_EAGERLY);
  });

  test('returns a decision that another process commits', async () => {
    // Without the decisions of the worker, as after a kill of the process that started the order.
    const other = await servePlacements(env, { decisions: new PlacementDecisions() });
    try {
      const { status, body } = await other.place(buildOrderRequest());
      expect([status, body.status]).toEqual([201, 'confirmed']);
      expect(await describeStart(env, body.id)).toEqual(STARTED_EAGERLY);
    } finally {
      await other.server.stop(0);
    }
  });

  test('returns 202 for a decision that takes longer than the wait', async () => {
    await env.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_800, times: 1 });
    const { status, headers, body } = await api.place(buildOrderRequest(), { prefer: 'wait=1' });
    expect([status, headers.location]).toEqual([202, `/api/orders/${body.id}`]);
    await waitUntilConfirmed(body.id);
  });

  test('respond-async starts the order eagerly and returns at once', async () => {
    await env.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_000, times: 1 });
    const { status, body } = await api.place(buildOrderRequest(), { prefer: 'respond-async' });
    expect([status, body.status]).toEqual([202, 'placed']);
    expect(env.decisions.countUndecidedEagerStarts()).toBe(1);
    await waitUntilConfirmed(body.id);
    expect(await describeStart(env, body.id)).toEqual(STARTED_EAGERLY);
  });

  test('the request of a disconnected client ends with the decision', async () => {
    await env.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 500, times: 1 });
    const known = await listOrderIds();
    const sent = request(`${api.server.url}/api/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    sent.on('error', () => undefined);
    sent.end(JSON.stringify(buildOrderRequest()));
    await eventually('the request waiting', () => env.decisions.waitingCount === 1);
    sent.destroy();
    await waitUntilConfirmed(await findNewOrder(known));
  });

  test('waiting requests return 202 when the process stops', async () => {
    const stopping = new AbortController();
    const other = await servePlacements(env, { shutdownSignal: stopping.signal });
    try {
      await env.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_500, times: 1 });
      const known = await listOrderIds();
      const waiting = other.place(buildOrderRequest(), { prefer: 'wait=20' });
      const id = await findNewOrder(known);
      await eventually('the payment in flight', async () => (await env.listIntents(id)).length === 1);
      stopping.abort();
      const late = other.place(buildOrderRequest(), { prefer: 'wait=20' });
      for (const { status, body } of await Promise.all([waiting, late])) {
        expect(status).toBe(202);
        await waitUntilConfirmed(body.id);
      }
      expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
    } finally {
      await other.server.stop(0);
    }
  });

  const listOrderIds = async () => (await env.store.orders.list({ limit: 100 })).map(({ id }) => id);

  const findNewOrder = (known: string[]): Promise<string> =>
    eventually('a new order', async () => (await listOrderIds()).find((id) => !known.includes(id)));

  const waitUntilConfirmed = (id: string) =>
    eventually('the order confirmed', async () => (await env.store.orders.findStatus(id)) === 'confirmed');
});

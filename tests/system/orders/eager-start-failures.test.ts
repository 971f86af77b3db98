import { select } from '../../../db/core/sql';
import { PlacementDecisions } from '../../../services/orders/placement-decisions';
import { eventually } from '../../harness/eventually';
import { getServerConfig } from '../../harness/servers/server-config';
import { startTcpProxy, type TcpProxy } from '../../harness/servers/tcp-proxy';
import { WorkflowTestEnv } from '../../harness/workflow/workflow-test-env';
import { buildOrderRequest, expectProblem } from './orders';
import { describeStart, type PlacementApi, servePlacements } from './placement-api';

describe('when the response to an eager start is lost', () => {
  let proxy: TcpProxy;
  let env: WorkflowTestEnv;
  let api: PlacementApi;
  beforeEach(async () => {
    const [host = '', port = ''] = getServerConfig().temporalAddress.split(':');
    proxy = await startTcpProxy({ host, port: Number(port) });
    env = await WorkflowTestEnv.create({ workerTemporalAddress: `127.0.0.1:${proxy.port}` });
    api = await servePlacements(env);
  });
  afterEach(async () => {
    expect(env.decisions.waitingCount).toBe(0);
    await api?.server.stop(0);
    await env?.close();
    await proxy?.close();
  });

  const reconnect = () => {
    proxy.disconnect();
    proxy.reconnect();
  };

  test('returns 202 for an order that Temporal accepted, and the order is decided once', async () => {
    const key = { 'idempotency-key': 'accepted' };
    const body = buildOrderRequest();
    proxy.dropResponses();
    const { status, headers, body: pending } = await api.place(body, { ...key, prefer: 'wait=2' });
    expect([status, headers.location]).toEqual([202, `/api/orders/${pending.id}`]);

    reconnect();
    const decided = await eventually('the decision', async () => {
      const response = await api.place(body, { ...key, prefer: 'wait=20' });
      return response.status === 201 && response;
    });
    expect(decided.body.id).toBe(pending.id);
    expect(await env.listIntents(pending.id)).toHaveLength(1);
  });

  test('returns 201 when the repeated call of the connection reaches the server within the wait', async () => {
    proxy.dropResponses();
    const placed = api.place(buildOrderRequest(), { prefer: 'wait=30' });
    await eventually('the request waiting', () => env.decisions.waitingCount === 1);
    await eventually('the order started', async () => {
      const [row] = await select<{ order_id: string }>(env.testStore.db, 'SELECT order_id FROM placements');
      return row !== undefined && env.getHandle(row.order_id).describe();
    });
    reconnect();
    const { status, body } = await placed;
    expect([status, body.status]).toEqual([201, 'confirmed']);
    expect(await env.listIntents(body.id)).toHaveLength(1);
  });

  test('returns 503 for an order that did not reach Temporal; a repeated request places it', async () => {
    const key = { 'idempotency-key': 'not-reached' };
    const body = buildOrderRequest();
    proxy.freeze();
    const lost = await api.place(body, { ...key, prefer: 'wait=1' });
    expectProblem(lost, 503, 'service_unavailable');
    expect(lost.text).toContain('It is unknown whether the order was accepted.');
    expect(env.decisions.countUndecidedEagerStarts()).toBeLessThanOrEqual(1);

    reconnect();
    const repeated = await eventually('the decision', async () => {
      const response = await api.place(body, { ...key, prefer: 'wait=20' });
      return response.status === 201 && response;
    });
    expect(repeated.headers['idempotent-replayed']).toBe('true');
    expect(await env.listIntents(repeated.body.id)).toHaveLength(1);
  });
});

describe('without a worker of orders in the process', () => {
  let env: WorkflowTestEnv;
  beforeAll(async () => {
    env = await WorkflowTestEnv.create();
  });
  afterAll(() => env?.close());

  test('an API starts the order with an update', async () => {
    const api = await servePlacements(env, {
      decisions: new PlacementDecisions(),
      eagerClient: () => undefined,
    });
    try {
      const { status, body } = await api.place(buildOrderRequest());
      expect([status, body.status]).toEqual([201, 'confirmed']);
      expect(await describeStart(env, body.id)).toEqual({ eager: false, updates: 1 });
    } finally {
      await api.server.stop(0);
    }
  });

  test('stopping workers start no order; another worker decides it', async () => {
    const api = await servePlacements(env);
    try {
      expect(env.eagerClient()).toBeDefined();
      const stopped = env.stopWorkers();
      const whileStopping = env.eagerClient();
      const { status, body } = await api.place(buildOrderRequest(), { prefer: 'wait=1' });
      await stopped;
      await env.startWorkers();
      expect(whileStopping).toBeUndefined();
      expect(status).toBe(202);
      await eventually('the order confirmed', async () => {
        return (await env.store.orders.findStatus(body.id)) === 'confirmed';
      });
      expect((await describeStart(env, body.id)).eager).toBe(false);
    } finally {
      await api.server.stop(0);
    }
  });
});

test('with split task queues the order starts eagerly, and an update waits for the payment', async () => {
  const env = await WorkflowTestEnv.create({ layout: 'split' });
  const api = await servePlacements(env);
  try {
    const { status, body } = await api.place(buildOrderRequest());
    expect([status, body.status]).toEqual([201, 'confirmed']);
    expect(await describeStart(env, body.id)).toEqual({ eager: true, updates: 1 });
  } finally {
    await api.server.stop(0);
    await env.close();
  }
});

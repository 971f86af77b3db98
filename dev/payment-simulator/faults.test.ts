import { SimulatorFixture } from './fixture';

const simulator = new SimulatorFixture();
beforeAll(() => simulator.start());
afterEach(() => simulator.clearFaults());
afterAll(() => simulator.remove());

const intentCount = async () => (await simulator.get('/_simulator/books')).body.intents;
const getOutcome = (response: ReturnType<typeof simulator.createIntent>) =>
  response.then(
    ({ status }) => status,
    () => 'no response',
  );

describe.each([
  ['fail_before', 500, 0],
  ['drop_before', 'no response', 0],
  ['rate_limit', 429, 0],
  ['drop_after', 'no response', 1],
  ['fail_saved', 500, 0],
  ['fail_after', 500, 1],
] as const)('%s', (mode, outcome, effects) => {
  test(`returns ${outcome} and creates ${effects} intents for each affected request`, async () => {
    const before = await intentCount();
    expect(await simulator.injectFault({ operation: 'create', mode, times: 2 })).toMatchObject({
      status: 201,
      body: { id: expect.stringMatching(/^flt_/) },
    });
    expect(await getOutcome(simulator.createIntent())).toBe(outcome);
    expect(await getOutcome(simulator.createIntent())).toBe(outcome);
    expect(await intentCount()).toBe(before + 2 * effects);
    expect(await getOutcome(simulator.createIntent())).toBe(200);
  });
});

test('drop_after: a retry with the same key returns the response of the one capture', async () => {
  const id = await simulator.createPaidIntent({ capture_method: 'manual' });
  const capture = () => simulator.post(`/v1/payment_intents/${id}/capture`, {}, `${id}:capture`);
  await simulator.injectFault({ operation: 'capture', mode: 'drop_after' });
  await expect(capture()).rejects.toThrow();
  const retried = await capture();
  expect(retried).toMatchObject({ status: 200, body: { status: 'succeeded' } });
  expect(retried.headers.get('idempotent-replayed')).toBe('true');
});

test.each([
  ['fail_saved', 'requires_capture'],
  ['fail_after', 'succeeded'],
] as const)('%s: retries with the same key return 500, and the intent stays %s', async (mode, status) => {
  const id = await simulator.createPaidIntent({ capture_method: 'manual' });
  const capture = () => simulator.post(`/v1/payment_intents/${id}/capture`, {}, `${id}:capture`);
  await simulator.injectFault({ operation: 'capture', mode });
  const first = await capture();
  expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([500, null]);
  const retried = await capture();
  expect([retried.status, retried.headers.get('idempotent-replayed')]).toEqual([500, 'true']);
  expect(retried.body).toEqual(first.body);
  expect((await simulator.get(`/v1/payment_intents/${id}`)).body.status).toBe(status);
});

test('delay: executes the request after the delay', async () => {
  const before = await intentCount();
  await simulator.injectFault({ operation: '*', mode: 'delay', delayMs: 200 });
  const started = Date.now();
  expect((await simulator.createIntent()).status).toBe(200);
  expect(Date.now() - started).toBeGreaterThanOrEqual(190);
  expect(await intentCount()).toBe(before + 1);
});

test('affects only the operation and the order of the fault', async () => {
  await simulator.injectFault({
    operation: 'cancel',
    mode: 'fail_before',
    times: null,
    match: { orderId: 'ord_unlucky' },
  });
  const unlucky = (await simulator.createIntent({ 'metadata[order_id]': 'ord_unlucky' })).body.id;
  const lucky = (await simulator.createIntent({ 'metadata[order_id]': 'ord_lucky' })).body.id;
  expect((await simulator.post(`/v1/payment_intents/${lucky}/cancel`)).status).toBe(200);
  for (let i = 0; i < 3; i += 1) {
    expect((await simulator.post(`/v1/payment_intents/${unlucky}/cancel`)).status).toBe(500);
  }
  expect((await simulator.clearFaults()).status).toBe(204);
  expect((await simulator.post(`/v1/payment_intents/${unlucky}/cancel`)).status).toBe(200);
});

test('rejects an invalid fault and names the field', async () => {
  const response = await simulator.injectFault({ operation: 'create', mode: 'delay' });
  expect(response).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringMatching(/^delayMs/) } },
  });
  expect((await simulator.get('/_simulator/faults')).body.data).toEqual([]);
});

import { SimulatorFixture } from './fixture';

const simulator = new SimulatorFixture();
beforeAll(() => simulator.start());
afterEach(() => simulator.clearFaults());
afterAll(() => simulator.remove());

const intentCount = async () => (await simulator.get('/_simulator/books')).body.intents;
const outcomeOf = (answer: ReturnType<typeof simulator.createIntent>) =>
  answer.then(
    ({ status }) => status,
    () => 'no answer',
  );

describe.each([
  ['fail_before', 500, 0],
  ['drop_before', 'no answer', 0],
  ['rate_limit', 429, 0],
  ['drop_after', 'no answer', 1],
  ['fail_saved', 500, 0],
  ['fail_after', 500, 1],
] as const)('%s', (mode, outcome, effects) => {
  test(`gives ${outcome} and makes ${effects} intents, as often as asked`, async () => {
    const before = await intentCount();
    expect(await simulator.injectFault({ operation: 'create', mode, times: 2 })).toMatchObject({
      status: 201,
      body: { id: expect.stringMatching(/^flt_/) },
    });
    expect(await outcomeOf(simulator.createIntent())).toBe(outcome);
    expect(await outcomeOf(simulator.createIntent())).toBe(outcome);
    expect(await intentCount()).toBe(before + 2 * effects);
    expect(await outcomeOf(simulator.createIntent())).toBe(200);
  });
});

test('drop_after, then the same key: one effect and its answer', async () => {
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
] as const)('%s, then the same key: 500 again and again, and the intent %s', async (mode, status) => {
  const id = await simulator.createPaidIntent({ capture_method: 'manual' });
  const capture = () => simulator.post(`/v1/payment_intents/${id}/capture`, {}, `${id}:capture`);
  await simulator.injectFault({ operation: 'capture', mode });
  const first = await capture();
  expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([500, null]);
  const again = await capture();
  expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([500, 'true']);
  expect(again.body).toEqual(first.body);
  expect((await simulator.get(`/v1/payment_intents/${id}`)).body.status).toBe(status);
});

test('a delay delays, and a client that gave up does not undo it', async () => {
  const before = await intentCount();
  await simulator.injectFault({ operation: '*', mode: 'delay', delayMs: 200 });
  const started = Date.now();
  expect((await simulator.createIntent()).status).toBe(200);
  expect(Date.now() - started).toBeGreaterThanOrEqual(190);
  expect(await intentCount()).toBe(before + 1);
});

test('meets only the operation and the order it names', async () => {
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

test('a fault that is not valid is refused and named', async () => {
  const answer = await simulator.injectFault({ operation: 'create', mode: 'delay' });
  expect(answer).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringMatching(/^delayMs/) } },
  });
  expect((await simulator.get('/_simulator/faults')).body.data).toEqual([]);
});

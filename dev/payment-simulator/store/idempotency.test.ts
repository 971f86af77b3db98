import { SimulatorFixture } from '../fixture';

const simulator = new SimulatorFixture();
beforeAll(() => simulator.start());
afterEach(() => simulator.clearFaults());
afterAll(() => simulator.remove());

const intentCount = async () => (await simulator.get('/_simulator/books')).body.intents;

test('replays the first response byte for byte after the intent has changed', async () => {
  const first = await simulator.createIntent({}, 'k1');
  expect(first.headers.get('idempotent-replayed')).toBeNull();
  await simulator.post(`/v1/payment_intents/${first.body.id}/cancel`);
  const replayed = await simulator.createIntent({}, 'k1');
  expect(replayed.headers.get('idempotent-replayed')).toBe('true');
  expect(JSON.stringify(replayed.body)).toBe(JSON.stringify(first.body));
});

test('replays a decline without another charge', async () => {
  const { body } = await simulator.createIntent();
  const confirm = () =>
    simulator.post(
      `/v1/payment_intents/${body.id}/confirm`,
      { payment_method: 'pm_card_chargeDeclined' },
      'k2',
    );
  const first = await confirm();
  const replayed = await confirm();
  expect(replayed.status).toBe(402);
  expect(replayed.headers.get('idempotent-replayed')).toBe('true');
  expect(replayed.body).toEqual(first.body);
});

test('rejects a key with other parameters or another path and changes nothing', async () => {
  const { body } = await simulator.createIntent({ 'metadata[a]': '1', 'metadata[b]': '2' }, 'k3');
  const reordered = await simulator.createIntent({ 'metadata[b]': '2', 'metadata[a]': '1' }, 'k3');
  expect(reordered.body.id).toBe(body.id);
  const count = await intentCount();
  for (const response of [
    await simulator.createIntent({ amount: 51 }, 'k3'),
    await simulator.post(`/v1/payment_intents/${body.id}/cancel`, {}, 'k3'),
  ]) {
    expect(response).toMatchObject({ status: 400, body: { error: { type: 'idempotency_error' } } });
  }
  expect(await intentCount()).toBe(count);
  expect((await simulator.get(`/v1/payment_intents/${body.id}`)).body.status).toBe('requires_payment_method');
});

test('does not store rejected requests under their key', async () => {
  expect((await simulator.createIntent({ amount: '' }, 'k4')).status).toBe(400);
  await simulator.injectFault({ operation: 'create', mode: 'fail_before' });
  expect((await simulator.createIntent({}, 'k4')).status).toBe(500);
  expect((await simulator.createIntent({}, 'k4')).status).toBe(200);
});

test('returns 409 while the first request runs, then its response', async () => {
  await simulator.injectFault({ operation: 'create', mode: 'delay', delayMs: 300 });
  const slow = simulator.createIntent({}, 'k5');
  await waitFor(async () => (await simulator.get('/_simulator/faults')).body.data.length === 0);
  const meanwhile = await simulator.createIntent({}, 'k5');
  expect(meanwhile).toMatchObject({ status: 409, body: { error: { code: 'idempotency_key_in_use' } } });
  const first = await slow;
  expect((await simulator.createIntent({}, 'k5')).body).toEqual(first.body);
});

test('creates one intent for twenty concurrent requests with one key', async () => {
  const before = await intentCount();
  const responses = await Promise.all(Array.from({ length: 20 }, () => simulator.createIntent({}, 'k6')));
  expect(new Set(responses.map(({ body }) => body.id)).size).toBe(1);
  expect(await intentCount()).toBe(before + 1);
});

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition was not met within 5 s');
  }
}

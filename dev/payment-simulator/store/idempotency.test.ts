import { SimulatorFixture } from '../fixture';

const simulator = new SimulatorFixture();
beforeAll(() => simulator.start());
afterEach(() => simulator.clearFaults());
afterAll(() => simulator.remove());

const intentCount = async () => (await simulator.get('/_simulator/books')).body.intents;

test('the same key gives the first answer again, byte for byte, whatever has happened since', async () => {
  const first = await simulator.createIntent({}, 'k1');
  expect(first.headers.get('idempotent-replayed')).toBeNull();
  await simulator.post(`/v1/payment_intents/${first.body.id}/cancel`);
  const again = await simulator.createIntent({}, 'k1');
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(JSON.stringify(again.body)).toBe(JSON.stringify(first.body));
});

test('a decline is replayed, and the card is not charged again', async () => {
  const { body } = await simulator.createIntent();
  const confirm = () =>
    simulator.post(
      `/v1/payment_intents/${body.id}/confirm`,
      { payment_method: 'pm_card_chargeDeclined' },
      'k2',
    );
  const first = await confirm();
  const again = await confirm();
  expect(again.status).toBe(402);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(again.body).toEqual(first.body);
});

test('the same key with other parameters or another path is an idempotency_error, and changes nothing', async () => {
  const { body } = await simulator.createIntent({ 'metadata[a]': '1', 'metadata[b]': '2' }, 'k3');
  const sameInOtherOrder = await simulator.createIntent({ 'metadata[b]': '2', 'metadata[a]': '1' }, 'k3');
  expect(sameInOtherOrder.body.id).toBe(body.id);
  const count = await intentCount();
  for (const answer of [
    await simulator.createIntent({ amount: 51 }, 'k3'),
    await simulator.post(`/v1/payment_intents/${body.id}/cancel`, {}, 'k3'),
  ]) {
    expect(answer).toMatchObject({ status: 400, body: { error: { type: 'idempotency_error' } } });
  }
  expect(await intentCount()).toBe(count);
  expect((await simulator.get(`/v1/payment_intents/${body.id}`)).body.status).toBe('requires_payment_method');
});

test('what was refused before it was decided leaves the key free', async () => {
  expect((await simulator.createIntent({ amount: '' }, 'k4')).status).toBe(400);
  await simulator.injectFault({ operation: 'create', mode: 'fail_before' });
  expect((await simulator.createIntent({}, 'k4')).status).toBe(500);
  expect((await simulator.createIntent({}, 'k4')).status).toBe(200);
});

test('a key in use is 409 until the first request is done, and then its answer', async () => {
  await simulator.injectFault({ operation: 'create', mode: 'delay', delayMs: 300 });
  const slow = simulator.createIntent({}, 'k5');
  await waitFor(async () => (await simulator.get('/_simulator/faults')).body.data.length === 0);
  const meanwhile = await simulator.createIntent({}, 'k5');
  expect(meanwhile).toMatchObject({ status: 409, body: { error: { code: 'idempotency_key_in_use' } } });
  const first = await slow;
  expect((await simulator.createIntent({}, 'k5')).body).toEqual(first.body);
});

test('twenty concurrent requests with one key make one intent', async () => {
  const before = await intentCount();
  const answers = await Promise.all(Array.from({ length: 20 }, () => simulator.createIntent({}, 'k6')));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(await intentCount()).toBe(before + 1);
});

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('waited in vain');
  }
}

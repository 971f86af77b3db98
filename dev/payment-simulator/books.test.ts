import { SimulatorFixture } from './fixture';

const simulator = new SimulatorFixture();
beforeEach(() => simulator.start());
afterEach(() => simulator.remove());

const order = (id: string) => ({ 'metadata[order_id]': id });

test('totals captured and refunded amounts by currency', async () => {
  const paid = await simulator.createPaidIntent();
  await simulator.post('/v1/refunds', { payment_intent: paid, amount: 190 });
  await simulator.createPaidIntent({ currency: 'usd', amount: 700 });
  await simulator.createPaidIntent({ capture_method: 'manual', amount: 300 });
  await simulator.createIntent({ payment_method: 'pm_card_chargeDeclined', confirm: 'true' });
  const voided = await simulator.createPaidIntent({ capture_method: 'manual' });
  await simulator.post(`/v1/payment_intents/${voided}/cancel`);
  expect((await simulator.get('/_simulator/books')).body).toEqual({
    intents: 5,
    refunds: 1,
    by_status: { succeeded: 2, requires_capture: 1, requires_payment_method: 1, canceled: 1 },
    authorized_minor: { eur: 300 },
    captured_minor: { eur: 4190, usd: 700 },
    refunded_minor: { eur: 190 },
  });
});

test('pages through intents oldest first, also for one order', async () => {
  const ids: string[] = [];
  for (const name of ['ord_a', 'ord_b', 'ord_a', 'ord_a', 'ord_b']) {
    ids.push((await simulator.createIntent(order(name))).body.id);
  }
  const listIds = async (query: string) => {
    const listedIds: string[] = [];
    let cursor: string | null = '';
    do {
      const { body } = await simulator.get(`/_simulator/books/intents?limit=2&${query}&cursor=${cursor}`);
      listedIds.push(...body.data.map(({ id }) => id));
      cursor = body.next_cursor;
    } while (cursor !== null);
    return listedIds;
  };
  expect(await listIds('')).toEqual(ids);
  expect(await listIds('order_id=ord_a')).toEqual([ids[0], ids[2], ids[3]]);
  expect(await listIds('order_id=ord_none')).toEqual([]);
  expect((await simulator.get('/_simulator/books/intents?cursor=pi_none')).status).toBe(400);
});

test('reports an order paid by two intents until one is refunded in full', async () => {
  const findDoublePayments = async () => (await simulator.get('/_simulator/books/double-payments')).body.data;
  await simulator.createPaidIntent(order('ord_once'));
  await simulator.createIntent({
    ...order('ord_once'),
    payment_method: 'pm_card_chargeDeclined',
    confirm: 'true',
  });
  expect(await findDoublePayments()).toEqual([]);
  const first = await simulator.createPaidIntent(order('ord_twice'));
  const second = await simulator.createPaidIntent({ ...order('ord_twice'), capture_method: 'manual' });
  expect(await findDoublePayments()).toMatchObject([
    { order_id: 'ord_twice', intents: [{ id: first }, { id: second, status: 'requires_capture' }] },
  ]);
  await simulator.post('/v1/refunds', { payment_intent: first, amount: 1 });
  expect(await findDoublePayments()).toHaveLength(1);
  await simulator.post('/v1/refunds', { payment_intent: first });
  expect(await findDoublePayments()).toEqual([]);
});

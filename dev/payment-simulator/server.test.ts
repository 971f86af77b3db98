import { SimulatorFixture } from './fixture';

const simulator = new SimulatorFixture();
beforeAll(() => simulator.start());
afterAll(() => simulator.remove());

describe('who may call', () => {
  const basic = (user: string) => `Basic ${Buffer.from(`${user}:`).toString('base64')}`;
  const statusWith = async (authorization?: string) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await fetch(`${simulator.url}/v1/payment_intents`, { headers });
    expect(await response.text()).not.toContain('secret');
    return response.status;
  };

  test.each(['Bearer sk_test_1', basic('sk_test_1')])('a test key is let in: %s', async (authorization) => {
    expect(await statusWith(authorization)).toBe(200);
  });

  test.each([undefined, 'Bearer sk_live_secret', 'Bearer', basic('secret'), 'Digest sk_test_1'])(
    'anything else is 401: %s',
    async (authorization) => {
      expect(await statusWith(authorization)).toBe(401);
    },
  );

  test('health needs no key', async () => {
    expect((await fetch(`${simulator.url}/healthz`)).status).toBe(200);
  });
});

describe('parameters', () => {
  test.each<[string, Record<string, string | number>, Record<string, string>]>([
    ['a missing amount', { amount: '' }, { code: 'parameter_missing', param: 'amount' }],
    ['a broken amount', { amount: '4.5' }, { code: 'parameter_invalid_integer', param: 'amount' }],
    ['nothing to pay', { amount: 0 }, { code: 'parameter_invalid_integer', param: 'amount' }],
    [
      'too little to pay',
      { amount: 49 },
      { code: 'amount_too_small', message: 'Amount must be at least €0.50 eur' },
    ],
    [
      'too little to pay in yen',
      { amount: 49, currency: 'jpy' },
      { code: 'amount_too_small', message: 'Amount must be at least ¥50 jpy' },
    ],
    ['too much to pay', { amount: 100_000_000 }, { code: 'amount_too_large', param: 'amount' }],
    ['no currency', { currency: 'euro' }, { param: 'currency' }],
    ['a misspelt name', { ammount: 1 }, { code: 'parameter_unknown', param: 'ammount' }],
    ['an unknown capture method', { capture_method: 'later' }, { param: 'capture_method' }],
    ['an unknown method', { payment_method: 'pm_x' }, { code: 'resource_missing', param: 'payment_method' }],
  ])('%s is refused and named', async (_name, params, error) => {
    const before = (await simulator.get('/_simulator/books')).body.intents;
    const answer = await simulator.createIntent(params);
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', ...error } },
    });
    expect((await simulator.get('/_simulator/books')).body.intents).toBe(before);
  });

  test('what does not exist is 404 resource_missing', async () => {
    for (const answer of [
      await simulator.get('/v1/payment_intents/pi_none'),
      await simulator.post('/v1/payment_intents/pi_none/cancel'),
      await simulator.get('/v1/refunds/re_none'),
      await simulator.post('/v1/refunds', { payment_intent: 'pi_none' }),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { error: { code: 'resource_missing' } } });
    }
    expect((await simulator.get('/v1/customers')).status).toBe(404);
  });
});

test('intents are listed newest first, page after page', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 5; i += 1) ids.unshift((await simulator.createIntent()).body.id);
  const pageAfter = async (id: string) =>
    (await simulator.get(`/v1/payment_intents?limit=2&starting_after=${id}`)).body;
  const first = (await simulator.get('/v1/payment_intents?limit=2')).body;
  expect(first).toMatchObject({ object: 'list', has_more: true, data: [{ id: ids[0] }, { id: ids[1] }] });
  expect((await pageAfter(ids[1]!)).data.map(({ id }) => id)).toEqual(ids.slice(2, 4));
  const oldest = (await simulator.get('/_simulator/books/intents?limit=1')).body.data[0]!.id;
  expect(await pageAfter(oldest)).toMatchObject({ data: [], has_more: false });
});

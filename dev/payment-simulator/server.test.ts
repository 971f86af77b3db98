import { SimulatorFixture } from './fixture';

const simulator = new SimulatorFixture();
beforeAll(() => simulator.start());
afterAll(() => simulator.remove());

describe('authentication', () => {
  const basic = (user: string) => `Basic ${Buffer.from(`${user}:`).toString('base64')}`;
  const getStatus = async (authorization?: string) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await fetch(`${simulator.url}/v1/payment_intents`, { headers });
    expect(await response.text()).not.toContain('secret');
    return response.status;
  };

  test.each(['Bearer sk_test_1', basic('sk_test_1')])('accepts a test key: %s', async (authorization) => {
    expect(await getStatus(authorization)).toBe(200);
  });

  test.each([undefined, 'Bearer sk_live_secret', 'Bearer', basic('secret'), 'Digest sk_test_1'])(
    'returns 401 for other credentials: %s',
    async (authorization) => {
      expect(await getStatus(authorization)).toBe(401);
    },
  );

  test('serves the health check without a key', async () => {
    expect((await fetch(`${simulator.url}/healthz`)).status).toBe(200);
  });
});

describe('parameters', () => {
  test.each<[string, Record<string, string | number>, Record<string, string>]>([
    ['a missing amount', { amount: '' }, { code: 'parameter_missing', param: 'amount' }],
    ['a fractional amount', { amount: '4.5' }, { code: 'parameter_invalid_integer', param: 'amount' }],
    ['an amount of zero', { amount: 0 }, { code: 'parameter_invalid_integer', param: 'amount' }],
    [
      'an amount below the minimum',
      { amount: 49 },
      { code: 'amount_too_small', message: 'Amount must be at least €0.50 eur' },
    ],
    [
      'an amount below the minimum in yen',
      { amount: 49, currency: 'jpy' },
      { code: 'amount_too_small', message: 'Amount must be at least ¥50 jpy' },
    ],
    ['an amount above the maximum', { amount: 100_000_000 }, { code: 'amount_too_large', param: 'amount' }],
    ['an invalid currency', { currency: 'euro' }, { param: 'currency' }],
    ['an unknown parameter', { ammount: 1 }, { code: 'parameter_unknown', param: 'ammount' }],
    ['an unknown capture method', { capture_method: 'later' }, { param: 'capture_method' }],
    [
      'an unknown payment method',
      { payment_method: 'pm_x' },
      { code: 'resource_missing', param: 'payment_method' },
    ],
  ])('rejects %s and creates no intent', async (_name, params, error) => {
    const before = (await simulator.get('/_simulator/books')).body.intents;
    const response = await simulator.createIntent(params);
    expect(response).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', ...error } },
    });
    expect((await simulator.get('/_simulator/books')).body.intents).toBe(before);
  });

  test('returns 404 resource_missing for unknown objects', async () => {
    for (const response of [
      await simulator.get('/v1/payment_intents/pi_none'),
      await simulator.post('/v1/payment_intents/pi_none/cancel'),
      await simulator.get('/v1/refunds/re_none'),
      await simulator.post('/v1/refunds', { payment_intent: 'pi_none' }),
    ]) {
      expect(response).toMatchObject({ status: 404, body: { error: { code: 'resource_missing' } } });
    }
    expect((await simulator.get('/v1/customers')).status).toBe(404);
  });
});

test('pages through intents newest first', async () => {
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

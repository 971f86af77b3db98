import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SimulatorFixture } from '../../dev/payment-simulator/fixture';
import { type PaymentProvider, PaymentProviderError } from '../../domain/payments/provider';
import { createStripeProvider } from './stripe';

const simulator = new SimulatorFixture();
let provider: PaymentProvider;

beforeAll(async () => {
  await simulator.start();
  provider = createStripeProvider({ apiKey: 'sk_test_adapter', baseUrl: simulator.url, timeoutMs: 5000 });
});
afterEach(() => simulator.clearFaults());
afterAll(async () => {
  for (const server of answerers) {
    server.close();
    server.closeAllConnections();
  }
  await simulator.remove();
});

let orders = 0;
function anOrder() {
  orders += 1;
  return { orderId: `ord_${orders}`, key: `ord_${orders}:pay:1` };
}

async function anIntent(capture: 'automatic' | 'manual' = 'automatic') {
  const { orderId, key } = anOrder();
  const intent = await provider.createIntent({ key, orderId, amountMinor: 41900, currency: 'EUR', capture });
  return { orderId, key, intentId: intent.id };
}

async function anAuthorized(capture: 'automatic' | 'manual') {
  const { orderId, key, intentId } = await anIntent(capture);
  await provider.authorize({ key, intentId, paymentMethod: 'pm_card_visa' });
  return { orderId, key, intentId };
}

const books = async (orderId: string) =>
  (await simulator.get(`/_simulator/books/intents?order_id=${orderId}`)).body.data;
const failure = (call: Promise<unknown>): Promise<PaymentProviderError> =>
  call.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(PaymentProviderError);
      return error as PaymentProviderError;
    },
  );

/** The simulator acts, but its response is lost; twice, because the package retries a closed connection once. */
const loseAnswers = (operation: 'create' | 'confirm' | 'capture' | 'cancel' | 'refund') =>
  simulator.injectFault({ operation, mode: 'drop_after', times: 2 });

describe('operations', () => {
  test('creates an intent with the order id and without a charge', async () => {
    const { orderId, key } = anOrder();
    const request = { key, orderId, amountMinor: 41900, currency: 'EUR', capture: 'manual' } as const;
    const intent = await provider.createIntent(request);
    expect(intent).toEqual({
      id: expect.stringMatching(/^pi_/),
      state: 'requires_method',
      amountMinor: 41900,
      capturedMinor: 0,
      refundedMinor: 0,
      currency: 'EUR',
    });
    expect(await provider.retrieve(intent.id)).toEqual(intent);
    expect(await books(orderId)).toMatchObject([{ id: intent.id, order_id: orderId }]);
  });

  test('authorizes, captures a part once and counts the released rest as neither captured nor refunded', async () => {
    const { key, intentId } = await anIntent('manual');
    const authorized = await provider.authorize({ key, intentId, paymentMethod: 'pm_card_visa' });
    expect(authorized).toMatchObject({ outcome: 'authorized', intent: { capturedMinor: 0 } });
    const captured = await provider.capture({ key: `${key}:shp_1`, intentId, amountMinor: 40000 });
    expect(captured).toMatchObject({ state: 'captured', capturedMinor: 40000, refundedMinor: 0 });
    expect(await failure(provider.capture({ key: 'another', intentId, amountMinor: 1 }))).toMatchObject({
      code: 'unexpected_state',
      retryable: false,
    });
  });

  test('captures on authorization with automatic capture', async () => {
    const { key, intentId } = await anIntent('automatic');
    const result = await provider.authorize({ key, intentId, paymentMethod: 'pm_card_mastercard' });
    expect(result).toMatchObject({
      outcome: 'captured',
      intent: { state: 'captured', capturedMinor: 41900 },
    });
  });

  test('refunds in parts, never more than was captured', async () => {
    const { intentId } = await anAuthorized('automatic');
    const refund = await provider.refund({ key: 'ret_1', intentId, amountMinor: 41000 });
    expect(refund).toMatchObject({ intentId, amountMinor: 41000, state: 'succeeded' });
    const tooMuch = await failure(provider.refund({ key: 'ret_2', intentId, amountMinor: 901 }));
    expect(tooMuch).toMatchObject({ code: 'invalid_request', retryable: false });
    await provider.refund({ key: 'ret_3', intentId, amountMinor: 900 });
    expect(await provider.retrieve(intentId)).toMatchObject({ capturedMinor: 41900, refundedMinor: 41900 });
    const nothingLeft = await failure(provider.refund({ key: 'ret_4', intentId, amountMinor: 1 }));
    expect(nothingLeft).toMatchObject({ code: 'unexpected_state', retryable: false });
  });

  test('voids an uncaptured intent repeatedly with any key', async () => {
    const { key, intentId } = await anAuthorized('manual');
    for (const voidKey of [key, key, `${key}:other`]) {
      expect(await provider.void({ key: voidKey, intentId })).toMatchObject({
        id: intentId,
        state: 'voided',
        capturedMinor: 0,
        refundedMinor: 0,
      });
    }
  });

  test('does not void a captured intent', async () => {
    const { key, intentId } = await anAuthorized('automatic');
    expect(await failure(provider.void({ key, intentId }))).toMatchObject({
      code: 'unexpected_state',
      retryable: false,
    });
    expect(await provider.retrieve(intentId)).toMatchObject({ state: 'captured', capturedMinor: 41900 });
  });
});

describe('authorize', () => {
  test.each([
    ['pm_card_visa_chargeDeclined', 'generic_decline'],
    ['pm_card_visa_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card'],
  ])('%s is declined with %s, also when repeated', async (paymentMethod, declineCode) => {
    const { key, intentId } = await anIntent('manual');
    const declined = { outcome: 'declined', declineCode, intent: { id: intentId, state: 'requires_method' } };
    expect(await provider.authorize({ key, intentId, paymentMethod })).toMatchObject(declined);
    expect(await provider.authorize({ key, intentId, paymentMethod })).toMatchObject(declined);
    const retried = { key: `${key}:2`, intentId, paymentMethod: 'pm_card_visa' };
    expect(await provider.authorize(retried)).toMatchObject({ outcome: 'authorized' });
  });

  test('returns requires_action if the customer must authenticate', async () => {
    const { key, intentId } = await anIntent();
    const request = { key, intentId, paymentMethod: 'pm_card_authenticationRequired' };
    expect(await provider.authorize(request)).toMatchObject({ outcome: 'requires_action' });
  });

  test('returns voided for a voided intent without charging', async () => {
    const { key, intentId } = await anIntent();
    await provider.void({ key, intentId });
    const request = { key, intentId, paymentMethod: 'pm_card_visa' };
    expect(await provider.authorize(request)).toMatchObject({
      outcome: 'voided',
      intent: { state: 'voided', capturedMinor: 0 },
    });
  });

  test('returns voided for an intent that was authorized and then voided', async () => {
    const { key, intentId } = await anAuthorized('manual');
    await provider.void({ key, intentId });
    const request = { key, intentId, paymentMethod: 'pm_card_visa' };
    expect(await provider.authorize(request)).toMatchObject({ outcome: 'voided' });
  });

  test('returns captured for a captured intent', async () => {
    const { key, intentId } = await anAuthorized('automatic');
    const request = { key: `${key}:other`, intentId, paymentMethod: 'pm_card_visa' };
    expect(await provider.authorize(request)).toMatchObject({
      outcome: 'captured',
      intent: { capturedMinor: 41900 },
    });
  });
});

describe('idempotency', () => {
  test('creates one intent for twenty concurrent calls with one key', async () => {
    const { orderId, key } = anOrder();
    const request = { key, orderId, amountMinor: 100, currency: 'EUR', capture: 'automatic' } as const;
    const intents = await Promise.all(Array.from({ length: 20 }, () => provider.createIntent(request)));
    expect(new Set(intents.map(({ id }) => id)).size).toBe(1);
    expect(await books(orderId)).toHaveLength(1);
  });

  test('returns a retryable error while the first call is in progress', async () => {
    const { orderId, key } = anOrder();
    const request = { key, orderId, amountMinor: 100, currency: 'EUR', capture: 'automatic' } as const;
    await simulator.injectFault({ operation: 'create', mode: 'delay', delayMs: 300 });
    const results = await Promise.allSettled([
      provider.createIntent(request),
      provider.createIntent(request),
    ]);
    const rejected = results.find((result) => result.status === 'rejected');
    expect(rejected?.reason).toMatchObject({ code: 'provider_error', retryable: true });
    await provider.createIntent(request);
    expect(await books(orderId)).toHaveLength(1);
  });

  test('recovers from a lost response at each step by a retry', async () => {
    const { orderId, key } = anOrder();
    const twice = async <T>(operation: Parameters<typeof loseAnswers>[0], call: () => Promise<T>) => {
      await loseAnswers(operation);
      expect(await failure(call())).toMatchObject({ code: 'unreachable', retryable: true });
      return call();
    };
    const create = { key, orderId, amountMinor: 5000, currency: 'EUR', capture: 'manual' } as const;
    const { id: intentId } = await twice('create', () => provider.createIntent(create));
    const pay = { key, intentId, paymentMethod: 'pm_card_visa' };
    expect(await twice('confirm', () => provider.authorize(pay))).toMatchObject({ outcome: 'authorized' });
    await twice('capture', () => provider.capture({ key, intentId, amountMinor: 5000 }));
    await twice('refund', () => provider.refund({ key, intentId, amountMinor: 2000 }));
    expect(await books(orderId)).toMatchObject([
      { id: intentId, status: 'succeeded', amount_captured: 5000, amount_refunded: 2000 },
    ]);
    const { intentId: other, key: otherKey } = await anIntent();
    expect(await twice('cancel', () => provider.void({ key: otherKey, intentId: other }))).toMatchObject({
      state: 'voided',
    });
  });

  test.each([
    ['before its effect', 'fail_saved'],
    ['after its effect', 'fail_after'],
  ] as const)('recovers from a replayed failure of each step, %s, by a retry', async (_, mode) => {
    const { orderId, key } = anOrder();
    const thrice = async <T>(operation: Parameters<typeof loseAnswers>[0], call: () => Promise<T>) => {
      await simulator.injectFault({ operation, mode, times: null });
      for (const _time of [1, 2]) {
        if (mode === 'fail_after') await call().catch(() => undefined);
        else expect(await failure(call())).toMatchObject({ code: 'provider_error', retryable: true });
      }
      await simulator.clearFaults();
      return call();
    };
    const create = { key, orderId, amountMinor: 5000, currency: 'EUR', capture: 'manual' } as const;
    const { id: intentId } = await thrice('create', () => provider.createIntent(create));
    expect((await provider.createIntent(create)).id).toBe(intentId);
    const pay = { key, intentId, paymentMethod: 'pm_card_visa' };
    expect(await thrice('confirm', () => provider.authorize(pay))).toMatchObject({ outcome: 'authorized' });
    const captured = await thrice('capture', () => provider.capture({ key, intentId, amountMinor: 5000 }));
    expect(captured).toMatchObject({ state: 'captured', capturedMinor: 5000 });
    const refund = () => provider.refund({ key, intentId, amountMinor: 2000 });
    const { id } = await thrice('refund', refund);
    expect(await refund()).toMatchObject({ id, amountMinor: 2000, state: 'succeeded' });
    expect((await books(orderId)).filter(({ status }) => status === 'succeeded')).toMatchObject([
      { id: intentId, amount_captured: 5000, amount_refunded: 2000 },
    ]);
    const { intentId: other, key: otherKey } = await anIntent();
    const voided = await thrice('cancel', () => provider.void({ key: otherKey, intentId: other }));
    expect(voided).toMatchObject({ state: 'voided' });
  });

  test('rejects the same key with another amount', async () => {
    const { orderId, key } = anOrder();
    const request = { key, orderId, currency: 'EUR', capture: 'automatic' } as const;
    await provider.createIntent({ ...request, amountMinor: 100 });
    const error = await failure(provider.createIntent({ ...request, amountMinor: 200 }));
    expect(error).toMatchObject({ code: 'invalid_request', retryable: false });
    expect(await books(orderId)).toMatchObject([{ amount: 100 }]);
  });
});

describe('errors', () => {
  test.each([
    ['fail_before', 'provider_error'],
    ['rate_limit', 'rate_limited'],
    ['drop_before', 'unreachable'],
  ] as const)('%s is %s and may be retried', async (mode, code) => {
    await simulator.injectFault({ operation: 'create', mode, times: 2 });
    const error = await failure(anIntent());
    expect(error).toMatchObject({ code, retryable: true });
  });

  test('reports a timeout as retryable', async () => {
    const hasty = createStripeProvider({ apiKey: 'sk_test_1', baseUrl: simulator.url, timeoutMs: 100 });
    const { key, intentId } = await anIntent();
    await simulator.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 400 });
    const request = { key, intentId, paymentMethod: 'pm_card_visa' };
    expect(await failure(hasty.authorize(request))).toMatchObject({ code: 'timeout', retryable: true });
  });

  test('reports a refused connection as unreachable', async () => {
    const free = createServer().listen(0);
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const nowhere = createStripeProvider({
      apiKey: 'sk_test_1',
      baseUrl: `http://127.0.0.1:${port}`,
      timeoutMs: 1000,
    });
    expect(await failure(nowhere.retrieve('pi_1'))).toMatchObject({ code: 'unreachable', retryable: true });
  });

  test.each([
    [401, 'authentication', false],
    [403, 'authentication', false],
    [400, 'invalid_request', false],
    [404, 'invalid_request', false],
    [409, 'provider_error', true],
    [429, 'rate_limited', true],
    [503, 'provider_error', true],
  ])("maps HTTP %i to %s, retryable: %s, without Stripe's message", async (status, code, retryable) => {
    const server = await answering(status, {
      error: { type: 'api_error', message: 'card 4242424242424242 of sk_test_hidden', code: 'Card 4242' },
    });
    const { port } = server.address() as AddressInfo;
    const broken = createStripeProvider({
      apiKey: 'sk_test_hidden',
      baseUrl: `http://127.0.0.1:${port}`,
      timeoutMs: 1000,
    });
    const error = await failure(broken.retrieve('pi_1'));
    expect(error).toMatchObject({ code, retryable });
    const visibleText = `${error.message} ${error.stack} ${String(error.cause)} ${JSON.stringify(error)}`;
    expect(visibleText).not.toMatch(/4242|hidden/);
    server.closeAllConnections();
    server.close();
  });

  test('reports an unknown payment method as invalid_request without repeating it', async () => {
    const { key, intentId } = await anIntent();
    const error = await failure(provider.authorize({ key, intentId, paymentMethod: '4242424242424242' }));
    expect(error).toMatchObject({ code: 'invalid_request', retryable: false });
    expect(`${error.message} ${String(error.cause)}`).not.toContain('4242');
  });

  test('reports an invalid API key as authentication', async () => {
    const stranger = createStripeProvider({ apiKey: 'sk_live_1', baseUrl: simulator.url, timeoutMs: 1000 });
    expect(await failure(stranger.retrieve('pi_1'))).toMatchObject({
      code: 'authentication',
      retryable: false,
    });
  });

  test.each(['ftp://127.0.0.1', 'http://127.0.0.1/api', 'http://user:word@127.0.0.1'])(
    'rejects the invalid base URL %s',
    (baseUrl) => {
      expect(() => createStripeProvider({ apiKey: 'sk_test_1', baseUrl, timeoutMs: 1 })).toThrow(RangeError);
    },
  );
});

const answerers: Server[] = [];

function answering(status: number, body: object): Promise<Server> {
  const server = createServer((_req, res) => {
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  answerers.push(server);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

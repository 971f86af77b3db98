import { SimulatorFixture } from '../fixture';

const simulator = new SimulatorFixture();
beforeAll(() => simulator.start());
afterAll(() => simulator.remove());

const UNEXPECTED = { type: 'invalid_request_error', code: 'payment_intent_unexpected_state' };

describe('an intent', () => {
  test('is created without a charge, and can be read', async () => {
    const created = await simulator.createIntent({ 'metadata[order_id]': 'ord_1', capture_method: 'manual' });
    expect(created).toMatchObject({
      status: 200,
      body: {
        object: 'payment_intent',
        id: expect.stringMatching(/^pi_\w{24}$/),
        status: 'requires_payment_method',
        amount: 4190,
        amount_received: 0,
        amount_capturable: 0,
        currency: 'eur',
        capture_method: 'manual',
        metadata: { order_id: 'ord_1' },
        latest_charge: null,
      },
    });
    const read = await simulator.get(`/v1/payment_intents/${created.body.id}`);
    expect(read.body).toEqual(created.body);
  });

  test('with a payment method requires confirmation, then succeeds', async () => {
    const { body } = await simulator.createIntent({ payment_method: 'pm_card_amex' });
    expect(body.status).toBe('requires_confirmation');
    const confirmed = await simulator.post(`/v1/payment_intents/${body.id}/confirm`, {
      'expand[]': 'latest_charge',
    });
    expect(confirmed.body).toMatchObject({
      status: 'succeeded',
      amount_received: 4190,
      latest_charge: {
        amount_captured: 4190,
        captured: true,
        payment_method_details: { card: { brand: 'amex' } },
      },
    });
  });

  test('with manual capture is authorized first, then releases the uncaptured amount', async () => {
    const id = await simulator.createPaidIntent({ capture_method: 'manual' });
    const authorized = await simulator.get(`/v1/payment_intents/${id}`);
    expect(authorized.body).toMatchObject({
      status: 'requires_capture',
      amount_capturable: 4190,
      amount_received: 0,
    });
    const captured = await simulator.post(`/v1/payment_intents/${id}/capture`, {
      amount_to_capture: 4000,
      'expand[0]': 'latest_charge',
    });
    expect(captured.body).toMatchObject({
      status: 'succeeded',
      amount_capturable: 0,
      amount_received: 4000,
      latest_charge: { amount: 4190, amount_captured: 4000, amount_refunded: 190, refunded: false },
    });
    const repeated = await simulator.post(`/v1/payment_intents/${id}/capture`);
    expect(repeated).toMatchObject({
      status: 400,
      body: { error: { ...UNEXPECTED, payment_intent: { id, status: 'succeeded' } } },
    });
  });

  test('rejects a capture above the authorized amount', async () => {
    const id = await simulator.createPaidIntent({ capture_method: 'manual' });
    const response = await simulator.post(`/v1/payment_intents/${id}/capture`, { amount_to_capture: 4191 });
    expect(response).toMatchObject({ status: 400, body: { error: { code: 'amount_too_large' } } });
    expect((await simulator.get(`/v1/payment_intents/${id}`)).body.status).toBe('requires_capture');
  });

  test.each([
    ['requires_payment_method', {}],
    ['requires_confirmation', { payment_method: 'pm_card_visa' }],
    ['requires_action', { payment_method: 'pm_card_authenticationRequired', confirm: 'true' }],
    ['requires_capture', { payment_method: 'pm_card_visa', confirm: 'true', capture_method: 'manual' }],
  ])('in %s can be canceled once, then rejects every operation', async (status, params) => {
    const { body } = await simulator.createIntent(params as Record<string, string>);
    expect(body.status).toBe(status);
    const path = `/v1/payment_intents/${body.id}`;
    const canceled = await simulator.post(`${path}/cancel`, { cancellation_reason: 'abandoned' });
    expect(canceled.body).toMatchObject({ status: 'canceled', amount_capturable: 0, amount_received: 0 });
    for (const step of ['cancel', 'confirm', 'capture']) {
      const response = await simulator.post(`${path}/${step}`);
      expect(response).toMatchObject({ status: 400, body: { error: UNEXPECTED } });
      expect(response.body.error.payment_intent.status).toBe('canceled');
    }
  });

  test('that has succeeded cannot be canceled or confirmed', async () => {
    const id = await simulator.createPaidIntent();
    for (const step of ['cancel', 'confirm']) {
      const response = await simulator.post(`/v1/payment_intents/${id}/${step}`);
      expect(response).toMatchObject({ status: 400, body: { error: UNEXPECTED } });
    }
  });

  test('that requires authentication can be paid with another card', async () => {
    const { body } = await simulator.createIntent({
      payment_method: 'pm_card_authenticationRequired',
      confirm: 'true',
    });
    expect(body).toMatchObject({ status: 'requires_action', next_action: { type: 'use_stripe_sdk' } });
    const response = await simulator.post(`/v1/payment_intents/${body.id}/confirm`, {
      payment_method: 'pm_card_visa',
    });
    expect(response.body).toMatchObject({ status: 'succeeded', next_action: null });
  });
});

describe('a declined confirm', () => {
  test.each([
    ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_visa_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
    ['pm_card_visa_chargeDeclinedStolenCard', 'card_declined', 'stolen_card'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', undefined],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', undefined],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error', undefined],
  ])(
    '%s returns %s, %s, and the intent requires a payment method again',
    async (method, code, declineCode) => {
      const { body: created } = await simulator.createIntent();
      const path = `/v1/payment_intents/${created.id}`;
      const { status, body } = await simulator.post(`${path}/confirm`, { payment_method: method });
      expect(status).toBe(402);
      expect(body.error).toMatchObject({ type: 'card_error', code, payment_method: { type: 'card' } });
      expect(body.error.decline_code).toBe(declineCode);
      const intent = (await simulator.get(path)).body;
      expect(intent).toMatchObject({
        status: 'requires_payment_method',
        payment_method: null,
        amount_received: 0,
        latest_charge: body.error.charge,
        last_payment_error: { type: 'card_error', code },
      });
      expect(body.error.payment_intent).toEqual(intent);
      const paid = await simulator.post(`${path}/confirm`, { payment_method: 'pm_card_mastercard' });
      expect(paid.body).toMatchObject({ status: 'succeeded', last_payment_error: null });
    },
  );
});

describe('refunds', () => {
  test('cannot exceed the captured amount', async () => {
    const id = await simulator.createPaidIntent({ capture_method: 'manual' });
    await simulator.post(`/v1/payment_intents/${id}/capture`, { amount_to_capture: 4000 });
    const first = await simulator.post('/v1/refunds', { payment_intent: id, amount: 1500 });
    expect(first.body).toMatchObject({
      object: 'refund',
      amount: 1500,
      status: 'succeeded',
      currency: 'eur',
    });
    const excessive = await simulator.post('/v1/refunds', { payment_intent: id, amount: 2501 });
    expect(excessive).toMatchObject({ status: 400, body: { error: { param: 'amount' } } });
    const remaining = await simulator.post('/v1/refunds', { charge: first.body.charge });
    expect(remaining.body.amount).toBe(2500);
    const repeated = await simulator.post('/v1/refunds', { payment_intent: id });
    expect(repeated).toMatchObject({ status: 400, body: { error: { code: 'charge_already_refunded' } } });

    const listed = await simulator.get(`/v1/refunds?payment_intent=${id}`);
    expect(listed.body.data.map(({ amount }) => amount)).toEqual([2500, 1500]);
    expect((await simulator.get(`/v1/refunds/${first.body.id}`)).body).toEqual(first.body);
    const intent = await simulator.get(`/v1/payment_intents/${id}?expand[]=latest_charge`);
    expect(intent.body.latest_charge).toMatchObject({ amount_refunded: 4190, refunded: true });
  });

  test('are rejected if nothing was captured', async () => {
    const id = await simulator.createPaidIntent({ capture_method: 'manual' });
    const response = await simulator.post('/v1/refunds', { payment_intent: id });
    expect(response).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error' } } });
  });
});

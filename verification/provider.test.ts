import type { LedgerRow } from '../db/payments/payment-ledger';
import type { OrderStatus } from '../domain/orders/order';
import type { IntentState, PaymentProvider } from '../domain/payments/provider';
import { checkProvider } from './provider';

const ID = 'ord_01K9Z0Q6X4J7M2V8W3Y5A1B2C3';
const TOTAL_MINOR = 41_900;

const entry = (kind: LedgerRow['kind']): LedgerRow => ({
  key: `${ID}:pay:1:${kind}`,
  orderId: ID,
  kind,
  amountMinor: TOTAL_MINOR,
  currency: 'EUR',
  provider: 'stripe',
  intentId: 'pi_1',
  declineCode: null,
  recordedAtMs: 1,
});

const providerWith = (state: IntentState): PaymentProvider =>
  ({
    retrieve: async (id: string) => ({
      id,
      state,
      amountMinor: TOTAL_MINOR,
      capturedMinor: state === 'captured' ? TOTAL_MINOR : 0,
      refundedMinor: 0,
      currency: 'EUR',
    }),
  }) as unknown as PaymentProvider;

const check = (status: OrderStatus, kind: LedgerRow['kind'], state: IntentState) =>
  checkProvider(providerWith(state), { id: ID, ledger: [entry(kind)] }, status);

test.each([
  'requires_method',
  'requires_confirmation',
  'requires_action',
  'processing',
  'authorized',
] as const)('reports a closed order whose intent is %s and can still be paid', async (state) => {
  for (const [status, kind] of [
    ['rejected', 'declined'],
    ['cancelled', 'voided'],
  ] as const) {
    const [finding, ...others] = await check(status, kind, state);
    expect(finding).toMatchObject({ check: 'provider_mismatch', subject: ID });
    expect(finding?.detail).toContain(`the intent is ${state} and can still be paid`);
    expect(others).toEqual([]);
  }
});

test('accepts voided, captured and in-flight intents', async () => {
  expect(await check('rejected', 'declined', 'voided')).toEqual([]);
  expect(await check('confirmed', 'captured', 'captured')).toEqual([]);
  expect(await check('placed', 'intent', 'requires_confirmation')).toEqual([]);
});

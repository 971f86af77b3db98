import Stripe from 'stripe';
import {
  type AuthorizeResult,
  type IntentState,
  type PaymentIntent,
  type PaymentProvider,
  PaymentProviderError,
  type Refund,
} from '../../domain/payments/provider';
import { isReplayedFailure, isUnexpectedState, toProviderError } from './stripe-errors';

export interface StripeOptions {
  apiKey: string;
  /** Base URL of the API (scheme, host, port), for example `http://127.0.0.1:12111`; default: Stripe. */
  baseUrl?: string | undefined;
  /** Timeout of one request. */
  timeoutMs: number;
  /** Default: the version that the `stripe` package pins. */
  apiVersion?: string | undefined;
}

/** Refunds are reported on the charge, not on the intent. */
const WITH_CHARGE = { expand: ['latest_charge'] };

/** Metadata key of a refund: the idempotency key of the business step. */
const REFUND_KEY = 'refund_key';
const MAX_PAGE_SIZE = 100;
/** Each attempt adds at most one, while Stripe replays a stored failure. */
const MAX_IDEMPOTENCY_KEYS = 20;

const INTENT_STATES: Record<string, IntentState> = {
  requires_payment_method: 'requires_method',
  requires_confirmation: 'requires_confirmation',
  requires_action: 'requires_action',
  processing: 'processing',
  requires_capture: 'authorized',
  succeeded: 'captured',
  canceled: 'voided',
};

type StripeConfig = NonNullable<ConstructorParameters<typeof Stripe>[1]>;

/**
 * Payment provider based on Stripe PaymentIntents (https://docs.stripe.com/api/payment_intents). Does not retry: callers do.
 * Idempotency keys combine the request's key and the operation (`ord_…:pay:1:confirm`). A replayed response may be stale,
 * so the object is read again; after a replayed failure the next key is used (`…:confirm:2`).
 * @throws RangeError for invalid options.
 */
export function createStripeProvider(options: StripeOptions): PaymentProvider {
  if (options.apiKey === '') throw new RangeError('the Stripe API key is empty');
  const stripe = new Stripe(options.apiKey, {
    ...parseBaseUrl(options.baseUrl),
    // The type allows the newest version only; the account may use an older one.
    ...(options.apiVersion && { apiVersion: options.apiVersion as NonNullable<StripeConfig['apiVersion']> }),
    maxNetworkRetries: 0,
    timeout: options.timeoutMs,
    telemetry: false,
  });

  const fetchIntent = (id: string) => stripe.paymentIntents.retrieve(id, WITH_CHARGE);

  async function refreshReplayed(response: Promise<Stripe.Response<Stripe.PaymentIntent>>) {
    const intent = await response;
    return isReplayed(intent) ? fetchIntent(intent.id) : intent;
  }

  async function authorize(request: {
    key: string;
    intentId: string;
    paymentMethod: string;
  }): Promise<AuthorizeResult> {
    const params = { payment_method: request.paymentMethod, ...WITH_CHARGE };
    try {
      // Stripe confirms an intent at most once, whatever the key.
      const response = callWithIdempotencyKey(`${request.key}:confirm`, (options) =>
        stripe.paymentIntents.confirm(request.intentId, params, options),
      );
      return toAuthorizeResult(await refreshReplayed(response));
    } catch (error) {
      if (error instanceof Stripe.errors.StripeCardError) {
        return {
          outcome: 'declined',
          intent: toIntent(error.payment_intent ?? (await fetchIntent(request.intentId))),
          declineCode: error.decline_code || error.code || 'generic_decline',
        };
      }
      // Already settled by an earlier call whose response was lost, or by a void.
      if (isUnexpectedState(error)) return toAuthorizeResult(await fetchIntent(request.intentId));
      throw error;
    }
  }

  async function voidIntent(request: { key: string; intentId: string }): Promise<PaymentIntent> {
    try {
      const response = callWithIdempotencyKey(`${request.key}:void`, (options) =>
        stripe.paymentIntents.cancel(request.intentId, WITH_CHARGE, options),
      );
      return toIntent(await refreshReplayed(response));
    } catch (error) {
      if (!isUnexpectedState(error)) throw error;
      const intent = toIntent(await fetchIntent(request.intentId));
      if (intent.state === 'voided') return intent;
      throw error;
    }
  }

  return {
    name: 'stripe',
    createIntent: ({ key, orderId, amountMinor, currency, capture }) =>
      withProviderErrors('create', async () => {
        const params: Stripe.PaymentIntentCreateParams = {
          amount: amountMinor,
          currency: currency.toLowerCase(),
          capture_method: capture,
          metadata: { order_id: orderId },
          // A workflow has no page to which a redirect could return.
          automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
          ...WITH_CHARGE,
        };
        // A duplicate intent charges nothing: only the recorded one is confirmed.
        const response = callWithIdempotencyKey(`${key}:create`, (options) =>
          stripe.paymentIntents.create(params, options),
        );
        return toIntent(await refreshReplayed(response));
      }),
    authorize: (request) => withProviderErrors('confirm', () => authorize(request)),
    capture: ({ key, intentId, amountMinor }) =>
      withProviderErrors('capture', async () => {
        const params = { amount_to_capture: amountMinor, ...WITH_CHARGE };
        const response = callWithIdempotencyKey(
          `${key}:capture`,
          (options) => stripe.paymentIntents.capture(intentId, params, options),
          async () => {
            const intent = await fetchIntent(intentId);
            return intent.status === 'succeeded' ? intent : undefined;
          },
        );
        return toIntent(await refreshReplayed(response));
      }),
    void: (request) => withProviderErrors('cancel', () => voidIntent(request)),
    refund: ({ key, intentId, amountMinor }) =>
      withProviderErrors('refund', async () => {
        const params = { payment_intent: intentId, amount: amountMinor, metadata: { [REFUND_KEY]: key } };
        const refund = await callWithIdempotencyKey(
          `${key}:refund`,
          (options) => stripe.refunds.create(params, options),
          async () => {
            const { data } = await stripe.refunds.list({ payment_intent: intentId, limit: MAX_PAGE_SIZE });
            const existing = data.find(({ metadata }) => metadata?.[REFUND_KEY] === key);
            return existing && stripe.refunds.retrieve(existing.id);
          },
        );
        return toRefund(isReplayed(refund) ? await stripe.refunds.retrieve(refund.id) : refund, intentId);
      }),
    list: ({ after, limit }) =>
      withProviderErrors('list', async () => {
        const page = { limit, ...(after && { starting_after: after }), expand: ['data.latest_charge'] };
        const { data } = await stripe.paymentIntents.list(page);
        return data.map((intent) => ({ ...toIntent(intent), orderId: intent.metadata.order_id ?? null }));
      }),
    retrieve: (intentId) => withProviderErrors('retrieve', async () => toIntent(await fetchIntent(intentId))),
  };
}

/**
 * Calls with an idempotency key; after a replayed failure with the next key. Keys are deterministic, so the call still has
 * one effect.
 * @param findEffect returns the effect of an earlier failed call, for operations that Stripe would repeat.
 */
async function callWithIdempotencyKey<T>(
  key: string,
  call: (options: { idempotencyKey: string }) => Promise<T>,
  findEffect: () => Promise<T | undefined> = async () => undefined,
): Promise<T> {
  for (let n = 1; ; n += 1) {
    try {
      return await call({ idempotencyKey: n === 1 ? key : `${key}:${n}` });
    } catch (error) {
      if (!isReplayedFailure(error) || n === MAX_IDEMPOTENCY_KEYS) throw error;
    }
    const existing = await findEffect();
    if (existing !== undefined) return existing;
  }
}

async function withProviderErrors<T>(operation: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toProviderError(operation, error);
  }
}

function parseBaseUrl(baseUrl: string | undefined): Pick<StripeConfig, 'host' | 'port' | 'protocol'> {
  if (baseUrl === undefined) return {};
  const url = new URL(baseUrl);
  const scheme = url.protocol.slice(0, -1);
  if ((scheme !== 'http' && scheme !== 'https') || url.pathname !== '/' || url.search || url.username) {
    throw new RangeError("the base URL of the Stripe API must be 'http(s)://host:port' and nothing more");
  }
  return {
    protocol: scheme,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || (scheme === 'http' ? 80 : 443),
  };
}

const isReplayed = ({ lastResponse }: Stripe.Response<object>): boolean =>
  lastResponse.headers['idempotent-replayed'] === 'true';

function toIntentState(status: string): IntentState {
  const state = INTENT_STATES[status];
  if (state === undefined) {
    // Unknown status of a newer API version: never guess about money.
    throw new PaymentProviderError('Stripe: an intent has an unknown status', 'unexpected_state', false);
  }
  return state;
}

function toIntent(intent: Stripe.PaymentIntent): PaymentIntent {
  return {
    id: intent.id,
    state: toIntentState(intent.status),
    amountMinor: intent.amount,
    capturedMinor: intent.amount_received,
    refundedMinor: calculateRefundedMinor(intent),
    currency: intent.currency.toUpperCase(),
  };
}

/** Stripe reports released, never captured amounts as refunded on the charge; this excludes them. */
function calculateRefundedMinor({ status, latest_charge: charge }: Stripe.PaymentIntent): number {
  if (status !== 'succeeded' || charge === null || typeof charge === 'string') return 0;
  return Math.max(0, charge.amount_refunded - (charge.amount - charge.amount_captured));
}

function toAuthorizeResult(stripeIntent: Stripe.PaymentIntent): AuthorizeResult {
  const intent = toIntent(stripeIntent);
  switch (intent.state) {
    case 'authorized':
    case 'captured':
    case 'requires_action':
    case 'processing':
    case 'voided':
      return { outcome: intent.state, intent };
    case 'requires_method': {
      const failure = stripeIntent.last_payment_error;
      if (failure) {
        return {
          outcome: 'declined',
          intent,
          declineCode: failure.decline_code ?? failure.code ?? 'generic_decline',
        };
      }
      break;
    }
    case 'requires_confirmation':
      break;
  }
  throw new PaymentProviderError(
    `Stripe: confirm left the intent in ${intent.state}`,
    'unexpected_state',
    false,
  );
}

function toRefund(refund: Stripe.Refund, intentId: string): Refund {
  const settled = refund.status === 'succeeded' ? 'succeeded' : 'pending';
  const failed = refund.status === 'failed' || refund.status === 'canceled';
  return { id: refund.id, intentId, amountMinor: refund.amount, state: failed ? 'failed' : settled };
}

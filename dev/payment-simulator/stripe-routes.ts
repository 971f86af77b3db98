import { type Request, type Response, Router } from 'express';
import { invalidRequest, noSuch } from './errors';
import {
  allowOnly,
  expandsCharge,
  flag,
  group,
  integer,
  list,
  metadata,
  oneOf,
  type Params,
  required,
  text,
} from './forms';
import { cancelIntent, captureIntent, confirmIntent, createIntent, type NewIntent } from './intents';
import { intentObject, refundObject } from './objects';
import type { IntentRecord } from './records';
import { refundIntent } from './refunds';
import { type Simulation, serve } from './requests';
import { ORDER_METADATA, orderOf } from './store';

/** Stripe takes 8 digits of minor units (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). */
const MAX_AMOUNT = 99_999_999;
/**
 * The least that Stripe charges, by currency (the same page). Really it goes by the currency that the account is paid out
 * in, which here is the currency of the charge. Others have no least here.
 */
const MIN_AMOUNT: Record<string, number> = {
  aud: 50,
  cad: 50,
  chf: 50,
  dkk: 250,
  eur: 50,
  gbp: 30,
  hkd: 400,
  jpy: 50,
  nok: 300,
  nzd: 50,
  sek: 300,
  sgd: 50,
  usd: 50,
};
const PAGE_DEFAULT = 10;
const PAGE_MAX = 100;

/** Parameters that Stripe knows and that change nothing here. */
const WITHOUT_EFFECT = [
  'customer',
  'off_session',
  'receipt_email',
  'return_url',
  'setup_future_usage',
  'shipping',
  'statement_descriptor',
  'statement_descriptor_suffix',
  'payment_method_options',
];

/** The PaymentIntents and refunds of Stripe's HTTP API, under `/v1`. Webhooks will be sent from the journal's entries. */
export function stripeRoutes(simulation: Simulation): Router {
  const { store } = simulation;

  const intentIn = (req: Request): IntentRecord => {
    const id = String(req.params.id);
    const intent = store.intent(id);
    if (!intent) throw noSuch('payment_intent', id, 'intent');
    return intent;
  };

  const create = async (req: Request, res: Response) => {
    const params = paramsOf(req);
    const request = newIntentFrom(params);
    const confirm = flag(params, 'confirm');
    const method = text(params, 'payment_method');
    await serve(simulation, req, res, {
      operation: 'create',
      orderId: request.metadata[ORDER_METADATA] ?? null,
      expandCharge: expandsCharge(params),
      act: () => {
        const intent = createIntent(request, method, simulation.now());
        return confirm ? confirmIntent(intent, null, simulation.now()) : { kind: 'intent', intent };
      },
    });
  };

  const confirm = async (req: Request, res: Response) => {
    const params = paramsOf(req);
    allowOnly(params, ['payment_method', 'expand', 'payment_method_types', ...WITHOUT_EFFECT]);
    const method = text(params, 'payment_method');
    const intent = intentIn(req);
    await serve(simulation, req, res, {
      operation: 'confirm',
      orderId: orderOf(intent),
      expandCharge: expandsCharge(params),
      act: () => confirmIntent(store.intent(intent.id)!, method, simulation.now()),
    });
  };

  const capture = async (req: Request, res: Response) => {
    const params = paramsOf(req);
    allowOnly(params, ['amount_to_capture', 'expand', 'statement_descriptor', 'statement_descriptor_suffix']);
    const amount = integer(params, 'amount_to_capture', 1);
    const intent = intentIn(req);
    await serve(simulation, req, res, {
      operation: 'capture',
      orderId: orderOf(intent),
      expandCharge: expandsCharge(params),
      act: () => captureIntent(store.intent(intent.id)!, amount),
    });
  };

  const cancel = async (req: Request, res: Response) => {
    const params = paramsOf(req);
    allowOnly(params, ['cancellation_reason', 'expand']);
    const reason = oneOf(params, 'cancellation_reason', [
      'duplicate',
      'fraudulent',
      'requested_by_customer',
      'abandoned',
    ]);
    const intent = intentIn(req);
    await serve(simulation, req, res, {
      operation: 'cancel',
      orderId: orderOf(intent),
      expandCharge: expandsCharge(params),
      act: () => cancelIntent(store.intent(intent.id)!, reason, simulation.now()),
    });
  };

  const refund = async (req: Request, res: Response) => {
    const params = paramsOf(req);
    allowOnly(params, ['payment_intent', 'charge', 'amount', 'reason', 'metadata']);
    const request = {
      amount: integer(params, 'amount', 1),
      reason: oneOf(params, 'reason', ['duplicate', 'fraudulent', 'requested_by_customer']),
      metadata: metadata(params),
    };
    const intent = refundedIntent(params);
    await serve(simulation, req, res, {
      operation: 'refund',
      orderId: orderOf(intent),
      expandCharge: false,
      act: () => refundIntent(store.intent(intent.id)!, request, simulation.now()),
    });
  };

  const refundedIntent = (params: Params): IntentRecord => {
    const charge = text(params, 'charge');
    if (charge !== null) {
      const intent = store.intentOfCharge(charge);
      if (!intent) throw noSuch('charge', charge, 'charge');
      return intent;
    }
    const id = required(text(params, 'payment_intent'), 'payment_intent');
    const intent = store.intent(id);
    if (!intent) throw noSuch('payment_intent', id, 'payment_intent');
    return intent;
  };

  const listIntents = (req: Request, res: Response) => {
    const params = { ...req.query };
    allowOnly(params, ['limit', 'starting_after', 'expand']);
    const after = text(params, 'starting_after');
    const end = after === null ? store.intentCount : store.position(after);
    if (end < 0) throw noSuch('payment_intent', after!, 'starting_after', 400);
    const limit = pageLimit(params);
    const expand = expandsCharge(params, 'data.latest_charge');
    res.json({
      object: 'list',
      url: '/v1/payment_intents',
      has_more: end > limit,
      data: store
        .slice(end - limit, end)
        .reverse()
        .map((intent) => intentObject(intent, expand)),
    });
  };

  const listRefunds = (req: Request, res: Response) => {
    const params = { ...req.query };
    allowOnly(params, ['limit', 'starting_after', 'payment_intent']);
    const refunds = store.refunds(text(params, 'payment_intent')).reverse();
    const after = text(params, 'starting_after');
    const start = after === null ? 0 : refunds.findIndex(({ id }) => id === after) + 1;
    if (after !== null && start === 0) throw noSuch('refund', after, 'starting_after', 400);
    const limit = pageLimit(params);
    res.json({
      object: 'list',
      url: '/v1/refunds',
      has_more: refunds.length > start + limit,
      data: refunds.slice(start, start + limit).map(refundObject),
    });
  };

  return Router()
    .post('/payment_intents', create)
    .get('/payment_intents', listIntents)
    .get('/payment_intents/:id', (req, res) => {
      const params = { ...req.query };
      allowOnly(params, ['expand', 'client_secret']);
      res.json(intentObject(intentIn(req), expandsCharge(params)));
    })
    .post('/payment_intents/:id/confirm', confirm)
    .post('/payment_intents/:id/capture', capture)
    .post('/payment_intents/:id/cancel', cancel)
    .post('/refunds', refund)
    .get('/refunds', listRefunds)
    .get('/refunds/:id', (req, res) => {
      const found = store.refund(req.params.id);
      if (!found) throw noSuch('refund', req.params.id, 'refund');
      res.json(refundObject(found));
    });
}

function newIntentFrom(params: Params): NewIntent {
  allowOnly(params, [
    ...['amount', 'currency', 'capture_method', 'confirm', 'payment_method', 'payment_method_types'],
    ...['automatic_payment_methods', 'metadata', 'description', 'expand', ...WITHOUT_EFFECT],
  ]);
  const amount = required(integer(params, 'amount', 1), 'amount');
  if (amount > MAX_AMOUNT) {
    throw invalidRequest('Amount must be no more than 99999999.', {
      code: 'amount_too_large',
      param: 'amount',
    });
  }
  const currency = required(text(params, 'currency'), 'currency').toLowerCase();
  if (!/^[a-z]{3}$/.test(currency))
    throw invalidRequest(`Invalid currency: ${currency}.`, { param: 'currency' });
  const least = MIN_AMOUNT[currency] ?? 1;
  if (amount < least) {
    throw invalidRequest(`Amount must be at least ${written(least, currency)} ${currency}`, {
      code: 'amount_too_small',
    });
  }
  const automatic = group(params, 'automatic_payment_methods');
  const methodTypes = list(params, 'payment_method_types');
  return {
    amount,
    currency,
    captureMethod:
      oneOf(params, 'capture_method', ['automatic', 'automatic_async', 'manual']) ?? 'automatic_async',
    automaticMethods:
      automatic && flag(automatic, 'enabled')
        ? { allowRedirects: oneOf(automatic, 'allow_redirects', ['always', 'never']) ?? 'always' }
        : null,
    methodTypes: methodTypes.length > 0 ? methodTypes : ['card'],
    metadata: metadata(params),
    description: text(params, 'description'),
  };
}

/** `€0.50` */
function written(amount: number, currency: string): string {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 0));
}

/** A POST without parameters has no body to parse. */
const paramsOf = (req: Request): Params => ({ ...(req.body as Params | undefined) });

const pageLimit = (params: Params): number => Math.min(integer(params, 'limit', 1) ?? PAGE_DEFAULT, PAGE_MAX);

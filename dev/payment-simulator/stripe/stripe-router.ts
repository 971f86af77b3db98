import { type Request, type Response, Router } from 'express';
import { invalidRequest, resourceNotFound } from '../errors';
import type { IntentRecord } from '../store/records';
import { getOrderId, ORDER_ID_METADATA_KEY } from '../store/store';
import { cancelIntent, captureIntent, confirmIntent, createIntent, type NewIntent } from './intents';
import { handleMutation, type SimulatorContext } from './mutations';
import {
  assertKnownParams,
  type Params,
  parseBoolean,
  parseEnum,
  parseExpandCharge,
  parseInteger,
  parseMetadata,
  parseObject,
  parseStringArray,
  parseText,
  requireParam,
} from './params';
import { refundIntent } from './refunds';
import { toIntentObject, toRefundObject } from './serializers';

/** Stripe accepts 8 digits of minor units (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). */
const MAX_AMOUNT = 99_999_999;
/**
 * Stripe's minimum charge by currency (the same page). Stripe applies the minimum of the settlement currency, which here is
 * the currency of the charge. Other currencies have no minimum here.
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
const DEFAULT_PAGE_SIZE = 10;
const MAX_PAGE_SIZE = 100;

/** Stripe's parameters that have no effect here. */
const IGNORED_PARAMS = [
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

/** The PaymentIntents and refunds of Stripe's HTTP API, below `/v1`. */
export function createStripeRouter(simulation: SimulatorContext): Router {
  const { store } = simulation;

  const findRequestedIntent = (req: Request): IntentRecord => {
    const id = String(req.params.id);
    const intent = store.findIntent(id);
    if (!intent) throw resourceNotFound('payment_intent', id, 'intent');
    return intent;
  };

  const create = async (req: Request, res: Response) => {
    const params = getParams(req);
    const request = parseNewIntent(params);
    const confirm = parseBoolean(params, 'confirm');
    const method = parseText(params, 'payment_method');
    await handleMutation(simulation, req, res, {
      operation: 'create',
      orderId: request.metadata[ORDER_ID_METADATA_KEY] ?? null,
      expandCharge: parseExpandCharge(params),
      execute: () => {
        const intent = createIntent(request, method, simulation.now());
        return confirm ? confirmIntent(intent, null, simulation.now()) : { kind: 'intent', intent };
      },
    });
  };

  const confirm = async (req: Request, res: Response) => {
    const params = getParams(req);
    assertKnownParams(params, ['payment_method', 'expand', 'payment_method_types', ...IGNORED_PARAMS]);
    const method = parseText(params, 'payment_method');
    const intent = findRequestedIntent(req);
    await handleMutation(simulation, req, res, {
      operation: 'confirm',
      orderId: getOrderId(intent),
      expandCharge: parseExpandCharge(params),
      execute: () => confirmIntent(store.findIntent(intent.id)!, method, simulation.now()),
    });
  };

  const capture = async (req: Request, res: Response) => {
    const params = getParams(req);
    assertKnownParams(params, [
      'amount_to_capture',
      'expand',
      'statement_descriptor',
      'statement_descriptor_suffix',
    ]);
    const amount = parseInteger(params, 'amount_to_capture', 1);
    const intent = findRequestedIntent(req);
    await handleMutation(simulation, req, res, {
      operation: 'capture',
      orderId: getOrderId(intent),
      expandCharge: parseExpandCharge(params),
      execute: () => captureIntent(store.findIntent(intent.id)!, amount),
    });
  };

  const cancel = async (req: Request, res: Response) => {
    const params = getParams(req);
    assertKnownParams(params, ['cancellation_reason', 'expand']);
    const reason = parseEnum(params, 'cancellation_reason', [
      'duplicate',
      'fraudulent',
      'requested_by_customer',
      'abandoned',
    ]);
    const intent = findRequestedIntent(req);
    await handleMutation(simulation, req, res, {
      operation: 'cancel',
      orderId: getOrderId(intent),
      expandCharge: parseExpandCharge(params),
      execute: () => cancelIntent(store.findIntent(intent.id)!, reason, simulation.now()),
    });
  };

  const refund = async (req: Request, res: Response) => {
    const params = getParams(req);
    assertKnownParams(params, ['payment_intent', 'charge', 'amount', 'reason', 'metadata']);
    const request = {
      amount: parseInteger(params, 'amount', 1),
      reason: parseEnum(params, 'reason', ['duplicate', 'fraudulent', 'requested_by_customer']),
      metadata: parseMetadata(params),
    };
    const intent = findRefundedIntent(params);
    await handleMutation(simulation, req, res, {
      operation: 'refund',
      orderId: getOrderId(intent),
      expandCharge: false,
      execute: () => refundIntent(store.findIntent(intent.id)!, request, simulation.now()),
    });
  };

  const findRefundedIntent = (params: Params): IntentRecord => {
    const charge = parseText(params, 'charge');
    if (charge !== null) {
      const intent = store.findIntentByCharge(charge);
      if (!intent) throw resourceNotFound('charge', charge, 'charge');
      return intent;
    }
    const id = requireParam(parseText(params, 'payment_intent'), 'payment_intent');
    const intent = store.findIntent(id);
    if (!intent) throw resourceNotFound('payment_intent', id, 'payment_intent');
    return intent;
  };

  const listIntents = (req: Request, res: Response) => {
    const params = { ...req.query };
    assertKnownParams(params, ['limit', 'starting_after', 'expand']);
    const after = parseText(params, 'starting_after');
    const end = after === null ? store.intentCount : store.getPosition(after);
    if (end < 0) throw resourceNotFound('payment_intent', after!, 'starting_after', 400);
    const limit = parseLimit(params);
    const expand = parseExpandCharge(params, 'data.latest_charge');
    res.json({
      object: 'list',
      url: '/v1/payment_intents',
      has_more: end > limit,
      data: store
        .sliceIntents(end - limit, end)
        .reverse()
        .map((intent) => toIntentObject(intent, expand)),
    });
  };

  const listRefunds = (req: Request, res: Response) => {
    const params = { ...req.query };
    assertKnownParams(params, ['limit', 'starting_after', 'payment_intent']);
    const refunds = store.listRefunds(parseText(params, 'payment_intent')).reverse();
    const after = parseText(params, 'starting_after');
    const start = after === null ? 0 : refunds.findIndex(({ id }) => id === after) + 1;
    if (after !== null && start === 0) throw resourceNotFound('refund', after, 'starting_after', 400);
    const limit = parseLimit(params);
    res.json({
      object: 'list',
      url: '/v1/refunds',
      has_more: refunds.length > start + limit,
      data: refunds.slice(start, start + limit).map(toRefundObject),
    });
  };

  return Router()
    .post('/payment_intents', create)
    .get('/payment_intents', listIntents)
    .get('/payment_intents/:id', (req, res) => {
      const params = { ...req.query };
      assertKnownParams(params, ['expand', 'client_secret']);
      res.json(toIntentObject(findRequestedIntent(req), parseExpandCharge(params)));
    })
    .post('/payment_intents/:id/confirm', confirm)
    .post('/payment_intents/:id/capture', capture)
    .post('/payment_intents/:id/cancel', cancel)
    .post('/refunds', refund)
    .get('/refunds', listRefunds)
    .get('/refunds/:id', (req, res) => {
      const refund = store.findRefund(req.params.id);
      if (!refund) throw resourceNotFound('refund', req.params.id, 'refund');
      res.json(toRefundObject(refund));
    });
}

function parseNewIntent(params: Params): NewIntent {
  assertKnownParams(params, [
    ...['amount', 'currency', 'capture_method', 'confirm', 'payment_method', 'payment_method_types'],
    ...['automatic_payment_methods', 'metadata', 'description', 'expand', ...IGNORED_PARAMS],
  ]);
  const amount = requireParam(parseInteger(params, 'amount', 1), 'amount');
  if (amount > MAX_AMOUNT) {
    throw invalidRequest('Amount must be no more than 99999999.', {
      code: 'amount_too_large',
      param: 'amount',
    });
  }
  const currency = requireParam(parseText(params, 'currency'), 'currency').toLowerCase();
  if (!/^[a-z]{3}$/.test(currency))
    throw invalidRequest(`Invalid currency: ${currency}.`, { param: 'currency' });
  const minimum = MIN_AMOUNT[currency] ?? 1;
  if (amount < minimum) {
    throw invalidRequest(`Amount must be at least ${formatAmount(minimum, currency)} ${currency}`, {
      code: 'amount_too_small',
    });
  }
  const automatic = parseObject(params, 'automatic_payment_methods');
  const methodTypes = parseStringArray(params, 'payment_method_types');
  return {
    amount,
    currency,
    captureMethod:
      parseEnum(params, 'capture_method', ['automatic', 'automatic_async', 'manual']) ?? 'automatic_async',
    automaticMethods:
      automatic && parseBoolean(automatic, 'enabled')
        ? { allowRedirects: parseEnum(automatic, 'allow_redirects', ['always', 'never']) ?? 'always' }
        : null,
    methodTypes: methodTypes.length > 0 ? methodTypes : ['card'],
    metadata: parseMetadata(params),
    description: parseText(params, 'description'),
  };
}

/** `€0.50` */
function formatAmount(amount: number, currency: string): string {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 0));
}

/** Express sets no body for a POST without parameters. */
const getParams = (req: Request): Params => ({ ...(req.body as Params | undefined) });

const parseLimit = (params: Params): number =>
  Math.min(parseInteger(params, 'limit', 1) ?? DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);

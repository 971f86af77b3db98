import { Address, email, Money, phone, singleLineText, sku, timestamp } from '../http/field-schemas';
import { z } from '../http/openapi/zod';

export const shippingMethod = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'must be the code of a shipping method')
  .openapi({ description: 'The code of a shipping option of a quote', example: 'standard' });

export const Items = z
  .array(z.strictObject({ sku, quantity: z.number().int().min(1).max(10_000) }))
  .min(1)
  .max(100);

export const PlaceOrderRequest = z
  .strictObject({
    items: Items,
    customer: z.strictObject({
      email,
      name: singleLineText(200),
      phone: phone.optional(),
    }),
    shippingAddress: Address,
    shippingMethod: shippingMethod.optional(),
    payment: z.strictObject({
      method: z
        .string()
        .regex(/^pm_[A-Za-z0-9_]{1,120}$/, "must be the payment provider's id of a payment method (pm_…)"),
    }),
  })
  .openapi('PlaceOrder', {
    example: {
      items: [{ sku: 'walnut-desk', quantity: 1 }],
      customer: { email: 'ada@example.com', name: 'Ada Byron' },
      shippingAddress: {
        name: 'Ada Byron',
        line1: '1 Main St',
        city: 'Berlin',
        postalCode: '10115',
        country: 'DE',
      },
      payment: { method: 'pm_card_visa' },
    },
  });
export type PlaceOrderRequest = z.infer<typeof PlaceOrderRequest>;

export const CancelOrderRequest = z
  .strictObject({
    reason: singleLineText(200).optional().openapi({
      description: 'Stored permanently in the event log. Must not contain personal data',
      example: 'changed my mind',
    }),
  })
  .openapi('CancelOrder');
export type CancelOrderRequest = z.infer<typeof CancelOrderRequest>;

export const OrderStatus = z
  .enum(['placed', 'confirmed', 'completed', 'on_hold', 'cancelling', 'cancelled', 'rejected'])
  .openapi('OrderStatus');
const PaymentStatus = z
  .enum([
    'none',
    'pending',
    'authorized',
    'partially_paid',
    'paid',
    'refund_pending',
    'partially_refunded',
    'refunded',
    'voided',
    'failed',
  ])
  .openapi('PaymentStatus');
const FulfilmentStatus = z
  .enum([
    'unfulfilled',
    'partially_shipped',
    'shipped',
    'partially_delivered',
    'delivered',
    'partially_returned',
    'returned',
  ])
  .openapi('FulfilmentStatus');

export const OrderSummary = z
  .object({
    id: z.string().openapi({ example: 'ord_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
    status: OrderStatus,
    payment: PaymentStatus,
    fulfilment: FulfilmentStatus,
    customerId: z.string(),
    total: Money,
    version: z.number().int(),
    placedAt: timestamp,
    updatedAt: timestamp,
    attention: z
      .object({ step: z.string(), detail: z.string(), since: timestamp })
      .nullable()
      .openapi({ description: 'A step that keeps failing and is retried; null otherwise' }),
  })
  .openapi('OrderSummary');
export type OrderSummary = z.infer<typeof OrderSummary>;

export const PricedLine = z.object({
  line: z.number().int(),
  sku: z.string(),
  name: z.string(),
  quantity: z.number().int(),
  unitPrice: Money,
  discount: Money,
  tax: Money,
  total: Money,
});

export const Order = OrderSummary.extend({
  lines: z.array(PricedLine),
  subtotal: Money,
  discount: Money,
  shipping: Money,
  tax: Money,
  taxIncluded: z.boolean().openapi({ description: 'Whether the prices include the tax' }),
  shippingMethod,
  customer: z.object({ email: z.string(), name: z.string(), phone: z.string().nullable() }).nullable(),
  // A union: `nullable` would be lost in the reference to a named schema.
  shippingAddress: z.union([Address, z.null()]),
  cancellation: z
    .object({ reason: z.string().nullable(), requestedBy: z.string(), requestedAt: timestamp })
    .nullable(),
  rejection: z.object({ code: z.string(), detail: z.string() }).nullable(),
  actions: z.object({
    cancel: z.object({ allowed: z.boolean(), reason: z.string().optional() }),
  }),
  links: z.object({ self: z.string(), history: z.string(), temporal: z.string() }),
}).openapi('Order');
export type Order = z.infer<typeof Order>;

const orderToken = z.string().optional().openapi({
  description: 'For guests: the bearer token that gives access to this order only',
});

/** Response to a placement. */
export const PlacedOrder = Order.extend({ orderToken }).openapi('PlacedOrder');
export type PlacedOrder = z.infer<typeof PlacedOrder>;

export const PendingOrder = z
  .object({
    id: z.string(),
    status: OrderStatus,
    links: z.object({ self: z.string(), history: z.string(), temporal: z.string() }),
    orderToken,
  })
  .openapi('PendingOrder');

export const ListOrdersQuery = z.strictObject({
  customerId: z
    .string()
    .regex(/^cus_[0-9A-Z]{26}$/, 'must be a customer id')
    .optional(),
  status: OrderStatus.optional(),
  from: z.iso.datetime({ offset: true }).optional().openapi({ description: 'Placed at or after' }),
  to: z.iso.datetime({ offset: true }).optional().openapi({ description: 'Placed before' }),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});
export type ListOrdersQuery = z.infer<typeof ListOrdersQuery>;

export const GetOrderQuery = z.strictObject({
  consistency: z
    .enum(['eventual', 'strong'])
    .default('eventual')
    .openapi({ description: '`strong` queries the workflow instead of the stored state' }),
});

export const HistoryEntry = z
  .object({
    at: timestamp,
    what: z.string().openapi({ description: 'What happened, as a sentence' }),
    type: z.string(),
    by: z.string(),
    source: z.enum(['log', 'workflow']),
    event: z.object({ id: z.string(), data: z.record(z.string(), z.unknown()) }).optional(),
    anchored: z
      .boolean()
      .optional()
      .openapi({ description: "Whether the workflow's history contains the hash of this entry" }),
    workflowEventId: z.number().int().optional(),
  })
  .openapi('HistoryEntry');
export type HistoryEntry = z.infer<typeof HistoryEntry>;

export const OrderHistory = z
  .object({
    orderId: z.string(),
    workflow: z
      .object({
        id: z.string(),
        runId: z.string(),
        status: z.string(),
        events: z.number().int(),
        url: z.string(),
      })
      .nullable()
      .openapi({ description: 'null when Temporal is unavailable or does not have the workflow (any more)' }),
    entries: z.array(HistoryEntry),
  })
  .openapi('OrderHistory');
export type OrderHistory = z.infer<typeof OrderHistory>;

import { extendZodWithOpenApi } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { isEmailAddress, MAX_EMAIL_LENGTH, normalizeEmailAddress } from '../../domain/shared/email-address';
import { SKU_PATTERN } from '../../domain/shared/ids';
import { CONTROL_CHARS } from '../../domain/shared/text';

extendZodWithOpenApi(z);

/** One line of text for people: trimmed, of whole characters that can be seen. */
export const singleLineText = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .refine((value) => !CONTROL_CHARS.test(value), 'must not contain control characters');

export const sku = z
  .string()
  .regex(SKU_PATTERN, 'must be lower-case letters, digits and dashes')
  .openapi({ example: 'walnut-desk' });

export const Money = z
  .object({
    amount: z.number().int().openapi({ description: 'In the minor unit of the currency', example: 41900 }),
    currency: z.string().length(3).openapi({ example: 'EUR' }),
  })
  .openapi('Money');

export const countryCode = z
  .string()
  .regex(/^[A-Z]{2}$/, 'must be a country code of two capital letters (ISO 3166-1)');
export const region = singleLineText(100).openapi({ description: 'A code (`CA`) where tax depends on it' });
export const shippingMethod = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'must be the code of a shipping method')
  .openapi({ description: 'A code from the options of a quote', example: 'standard' });

export const Items = z
  .array(z.strictObject({ sku, quantity: z.number().int().min(1).max(10_000) }))
  .min(1)
  .max(100);

export const email = z
  .string()
  .overwrite(normalizeEmailAddress)
  .refine(isEmailAddress, 'must be an address of mail')
  .openapi({ format: 'email', maxLength: MAX_EMAIL_LENGTH });
export const phone = z
  .string()
  .trim()
  .regex(/^\+?[0-9 ()./-]{5,30}$/, 'must be a telephone number');

export const Address = z
  .strictObject({
    name: singleLineText(200),
    line1: singleLineText(200),
    line2: singleLineText(200).optional(),
    city: singleLineText(100),
    region: region.optional(),
    postalCode: singleLineText(20),
    country: countryCode,
  })
  .openapi('Address');

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
    reason: singleLineText(200)
      .optional()
      .openapi({ description: 'Kept in the log for ever: no personal data', example: 'changed my mind' }),
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

export const timestamp = z.iso.datetime().openapi({ example: '2026-11-21T09:30:00.000Z' });

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
      .openapi({ description: 'A step keeps failing; it goes on being tried' }),
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
  taxIncluded: z.boolean().openapi({ description: 'Whether prices contain the tax' }),
  shippingMethod,
  customer: z.object({ email: z.string(), name: z.string(), phone: z.string().nullable() }).nullable(),
  // As a union: a schema with a name is described by that alone, and `nullable` would be lost.
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
  description: 'Of a guest: the bearer token that opens this order and no other',
});

/** The answer to a placement. */
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
    .regex(/^cus_[0-9A-Z]{26}$/, 'must be the id of a customer')
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
    .openapi({ description: '`strong` asks the workflow itself' }),
});

export const HistoryEntry = z
  .object({
    at: timestamp,
    what: z.string().openapi({ description: 'What happened, in words' }),
    type: z.string(),
    by: z.string(),
    source: z.enum(['log', 'workflow']),
    event: z.object({ id: z.string(), data: z.record(z.string(), z.unknown()) }).optional(),
    anchored: z
      .boolean()
      .optional()
      .openapi({ description: "Whether the workflow's history holds this entry's hash" }),
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
      .openapi({ description: 'null when Temporal does not know the workflow (any more) or is away' }),
    entries: z.array(HistoryEntry),
  })
  .openapi('OrderHistory');
export type OrderHistory = z.infer<typeof OrderHistory>;

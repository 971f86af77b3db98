import type { OrderContact } from '../../db/customers/contacts';
import type { OrderSummary as StoredSummary } from '../../db/orders/orders';
import type { Order, PricedCart } from '../../domain/orders/order';
import { can } from '../../domain/orders/transitions';
import { describeActor, redactStaffIds } from '../../domain/shared/events';
import { money } from '../../domain/shared/money';
import type { OrderHistory } from '../../services/orders/history';
import type { PricingResult } from '../../services/orders/price-cart';
import type { ApiContext } from '../http/context';
import type { Quote } from './quote-schemas';
import type * as schema from './schemas';

export const toIsoTimestamp = (ms: number): string => new Date(ms).toISOString();

export const orderPath = (id: string): string => `/api/orders/${id}`;

/** URL of a workflow in the Temporal Web UI. */
export const workflowUrl = (uiUrl: string, namespace: string, id: string): string =>
  `${uiUrl.replace(/\/$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${id}`;

export const orderLinks = ({ temporalUiUrl, temporal }: ApiContext, id: string): OrderLinks => ({
  self: orderPath(id),
  history: `${orderPath(id)}/history`,
  temporal: workflowUrl(temporalUiUrl, temporal.options.namespace, id),
});

export interface OrderLinks {
  self: string;
  history: string;
  temporal: string;
}

export function toOrderSummaryResponse(order: StoredSummary): schema.OrderSummary {
  const { attention } = order;
  return {
    id: order.id,
    status: order.status,
    payment: order.payment,
    fulfilment: order.fulfilment,
    customerId: order.customerId,
    total: money(order.totalMinor, order.currency),
    version: order.version,
    placedAt: toIsoTimestamp(order.placedAtMs),
    updatedAt: toIsoTimestamp(order.updatedAtMs),
    attention:
      attention === null
        ? null
        : { step: attention.step, detail: attention.detail, since: toIsoTimestamp(attention.sinceMs) },
  };
}

function toPriceResponse(cart: PricedCart) {
  const amount = (minor: number) => money(minor, cart.currency);
  return {
    lines: cart.lines.map((l) => ({
      line: l.line,
      sku: l.sku,
      name: l.name,
      quantity: l.quantity,
      unitPrice: amount(l.unitPriceMinor),
      discount: amount(l.discountMinor),
      tax: amount(l.taxMinor),
      total: amount(l.totalMinor),
    })),
    subtotal: amount(cart.subtotalMinor),
    discount: amount(cart.discountMinor),
    shipping: amount(cart.shippingMinor),
    tax: amount(cart.taxMinor),
    total: amount(cart.totalMinor),
    taxIncluded: cart.taxIncluded,
    shippingMethod: cart.shippingMethod,
  };
}

export const toQuoteResponse = ({ cart, shippingOptions }: PricingResult): Quote => ({
  ...toPriceResponse(cart),
  shippingOptions: shippingOptions.map(({ code, name, feeMinor }) => ({
    code,
    name,
    fee: feeMinor === null ? null : money(feeMinor, cart.currency),
  })),
});

/** @param contact null when its personal data is erased. */
export function toOrderResponse(order: Order, contact: OrderContact | null, links: OrderLinks): schema.Order {
  const { cancellation, rejection } = order;
  const cancel = can(order, 'cancel');
  return {
    ...toOrderSummaryResponse(order),
    ...toPriceResponse(order),
    customer:
      contact?.email == null
        ? null
        : { email: contact.email, name: contact.name ?? '', phone: contact.phone },
    shippingAddress: contact?.shippingAddress ?? null,
    cancellation:
      cancellation === null
        ? null
        : {
            reason: cancellation.reason,
            requestedBy: redactStaffIds(describeActor(cancellation.requestedBy)),
            requestedAt: toIsoTimestamp(cancellation.requestedAtMs),
          },
    rejection: rejection === null ? null : { code: rejection.code, detail: rejection.detail },
    actions: { cancel: cancel.allowed ? { allowed: true } : { allowed: false, reason: cancel.reason } },
    links,
  };
}

export const toOrderHistoryResponse = (
  { orderId, workflow, entries }: OrderHistory,
  { temporalUiUrl, temporal }: Pick<ApiContext, 'temporalUiUrl' | 'temporal'>,
): schema.OrderHistory => ({
  orderId,
  workflow: workflow && {
    id: orderId,
    runId: workflow.runId,
    status: workflow.status,
    events: workflow.eventCount,
    url: `${workflowUrl(temporalUiUrl, temporal.options.namespace, orderId)}/${workflow.runId}/history`,
  },
  entries: entries.map(({ atMs, ...entry }) => ({ at: toIsoTimestamp(atMs), ...entry })),
});

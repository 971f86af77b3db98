import type { Order } from '../../domain/orders/order';
import { describeActor } from '../../domain/shared/events';
import { formatMoney, money } from '../../domain/shared/money';

/** Renders the order in Markdown for its workflow's page in the Temporal Web UI. No personal data. */
export function formatOrderDetails(order: Order, outage: string | undefined): string {
  const amount = (minor: number) => formatMoney(money(minor, order.currency));
  const { cancellation, rejection, attention } = order;
  return [
    `**${order.status}** · payment ${order.payment} · ${order.fulfilment} · ${amount(order.totalMinor)}`,
    ...(attention === null
      ? []
      : [
          '',
          `⚠ **Needs attention** since ${formatTimestamp(attention.sinceMs)}: ${attention.step}: ${attention.detail}`,
        ]),
    ...(outage === undefined ? [] : ['', `⚠ **Database unavailable**: ${outage}`]),
    '',
    '| sku | quantity | each | total |',
    '|---|---:|---:|---:|',
    ...order.lines.map(
      (l) => `| ${l.sku} | ${l.quantity} | ${amount(l.unitPriceMinor)} | ${amount(l.totalMinor)} |`,
    ),
    '',
    `Shipping ${amount(order.shippingMinor)}, tax ${amount(order.taxMinor)}${order.taxIncluded ? ' included' : ''}. Placed ${formatTimestamp(order.placedAtMs)} by ${order.customerId}.`,
    ...(cancellation === null
      ? []
      : [
          '',
          `Cancellation requested by ${describeActor(cancellation.requestedBy)} at ${formatTimestamp(cancellation.requestedAtMs)}: ${cancellation.reason ?? 'no reason given'}`,
        ]),
    ...(rejection === null ? [] : ['', `Rejected: ${rejection.code}. ${rejection.detail}`]),
  ].join('\n');
}

const formatTimestamp = (ms: number): string => new Date(ms).toISOString();

import type { WorkflowOptions } from '@temporalio/client';
import { formatMoney, money } from '../../domain/shared/money';
import type { OrderInput } from '../../workflows/orders/messages';
import { searchAttributes } from '../../workflows/shared/search-attributes';

/** Start options of an order's workflow, without the workflow id policies. */
export const toOrderStartOptions = (input: OrderInput) => {
  const { order, queues } = input;
  const units = order.lines.reduce((sum, l) => sum + l.quantity, 0);
  return {
    workflowId: order.id,
    taskQueue: queues.orders,
    args: [input],
    staticSummary: `${units} × ${order.lines.length === 1 ? order.lines[0]?.sku : `${order.lines.length} products`}, ${formatMoney(money(order.totalMinor, order.currency))}`,
    typedSearchAttributes: [
      { key: searchAttributes.status, value: order.status },
      { key: searchAttributes.payment, value: order.payment },
      { key: searchAttributes.customer, value: order.customerId },
      { key: searchAttributes.total, value: order.totalMinor },
      { key: searchAttributes.currency, value: order.currency },
      { key: searchAttributes.attention, value: false },
    ],
  } satisfies WorkflowOptions & { args: [OrderInput] };
};

import type { ApiContext } from '../../api/http/context';
import type { HistoryEntry, OrderHistory } from '../../api/orders/schemas';
import { workflowUrl } from '../../api/orders/serializers';
import type { LogRow } from '../../db/events/event-log';
import type { OrderSnapshot } from '../../domain/orders/order-events';
import type { Access } from '../../domain/shared/access';
import { type CloudEvent, type EventType, redactStaffIds } from '../../domain/shared/events';
import { formatMoney, money } from '../../domain/shared/money';
import { readWorkflowHistory, type WorkflowHistory } from '../../integrations/temporal/history';
import { getAuthorizedOrder } from './find-and-cancel';

/**
 * What happened to an order, when and by whom: the workflow's history joined with the audit rows, oldest first. When
 * Temporal has forgotten the workflow, or is away, the audit rows alone.
 * @throws Failure `not_found`, also for an order that is out of reach
 */
export async function getOrderHistory(ctx: ApiContext, access: Access, id: string): Promise<OrderHistory> {
  const { store, temporal, temporalUiUrl } = ctx;
  await getAuthorizedOrder(ctx, access, id);
  const [rows, workflow] = await Promise.all([
    store.log.findByOrder(id),
    readWorkflowHistory(temporal, id).catch(() => null),
  ]);
  const entries = [
    ...rows.filter((row) => isVisible(access, row)).map((row) => toHistoryEntry(row, workflow)),
    ...(workflow?.entries ?? []).map(
      (e): HistoryEntry => ({
        at: new Date(e.atMs).toISOString(),
        what: e.what,
        type: e.type,
        by: e.by,
        source: 'workflow',
        ...(e.eventId === null ? {} : { workflowEventId: e.eventId }),
      }),
    ),
  ];
  const history: OrderHistory = {
    orderId: id,
    workflow:
      workflow === null
        ? null
        : {
            id,
            runId: workflow.runId,
            status: workflow.status,
            events: workflow.eventCount,
            url: `${workflowUrl(temporalUiUrl, temporal.options.namespace, id)}/${workflow.runId}/history`,
          },
    // Stable: entries of one millisecond stay in the order of the log.
    entries: entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)),
  };
  if (access.scope === 'all') return history;
  return JSON.parse(redactStaffIds(JSON.stringify(history))) as OrderHistory;
}

/**
 * Whoever placed an order for an address that is not theirs is not to learn from it which mails that address does without,
 * nor that it has an account.
 */
const isVisible = ({ principal }: Access, { topic }: LogRow): boolean =>
  principal.kind !== 'order_token' || topic !== 'notification-events';

function toHistoryEntry(row: LogRow, workflow: WorkflowHistory | null): HistoryEntry {
  const event = JSON.parse(row.body) as CloudEvent;
  const anchor = row.stream === row.subject ? workflow?.anchors.get(row.seq) : undefined;
  return {
    at: event.time,
    what: describeEvent(event.type, event.data),
    type: event.type,
    by: event.actor,
    source: 'log',
    event: { id: event.id, data: event.data },
    ...(anchor === undefined ? {} : { anchored: anchor === row.hash }),
  };
}

/** An event as a person would tell it. */
function describeEvent(type: EventType, data: Record<string, unknown>): string {
  const amount = (key: string) => formatMoney(money(Number(data[key]), String(data.currency)));
  const order = data.order as OrderSnapshot | undefined;
  switch (type) {
    case 'OrderCreated':
      return `Order placed for ${amount('totalMinor')}`;
    case 'StockReserved':
      return `Stock reserved: ${formatReservations(data)}`;
    case 'StockReleased':
      return `Stock given back: ${formatReservations(data)}`;
    case 'PaymentSucceeded':
      return `Payment of ${amount('amountMinor')} taken`;
    case 'PaymentFailed':
      return `Payment of ${amount('amountMinor')} failed: ${String(data.code)}`;
    case 'PaymentVoided':
      return 'Payment voided';
    case 'PaymentRefunded':
      return `Payment of ${amount('amountMinor')} refunded`;
    case 'OrderConfirmed':
      return 'Order confirmed';
    case 'OrderRejected':
      return `Order rejected: ${order?.rejection?.detail ?? ''}`;
    case 'OrderCancellationStarted':
      return `Cancellation asked for: ${order?.cancellation?.reason ?? 'no reason given'}`;
    case 'OrderCancelled':
      return 'Order cancelled; everything is undone';
    case 'CancellationRejected':
      return `Cancellation refused: ${String(data.why)}`;
    case 'OrderAttentionRequired':
      return `Needs attention: ${String(data.step)}: ${String(data.detail)}`;
    case 'OrderAttentionResolved':
      return `No longer needs attention: ${String(data.step)}`;
    case 'NotificationSent':
      return `Mail sent: ${String(data.kind)}`;
    case 'NotificationFailed':
      return `Mail could not be sent: ${String(data.kind)}: ${String(data.error)}`;
    default:
      return type;
  }
}

const formatReservations = (data: Record<string, unknown>): string =>
  (data.reservations as { quantity: number; sku: string; warehouse: string }[])
    .map((r) => `${r.quantity} × ${r.sku} in ${r.warehouse}`)
    .join(', ');

import type { Client } from '@temporalio/client';
import type { Store } from '../../db/core/store';
import type { LogRow } from '../../db/events/event-log';
import type { NotificationKind } from '../../domain/notifications/notification-rules';
import type { OrderSnapshot } from '../../domain/orders/order-events';
import type { Access } from '../../domain/shared/access';
import { type CloudEvent, type EventType, redactStaffIds } from '../../domain/shared/events';
import { formatMoney, money } from '../../domain/shared/money';
import { readWorkflowHistory, type WorkflowHistory } from '../../integrations/temporal/history';
import { getAuthorizedOrder, type OrderReader } from './find-order';

export interface HistoryDependencies extends OrderReader {
  store: OrderReader['store'] & Pick<Store, 'log'>;
  temporal: Client;
}

export interface OrderHistoryEntry {
  atMs: number;
  /** Description for users. */
  what: string;
  type: string;
  by: string;
  source: 'log' | 'workflow';
  /** Of an entry of the log. */
  event?: { id: string; data: Record<string, unknown> };
  /** Whether the workflow's history holds the hash of this entry; absent when the history has no anchor for it. */
  anchored?: boolean;
  workflowEventId?: number;
}

export interface OrderHistory {
  orderId: string;
  /** The newest run; null when Temporal is unavailable or no longer has the workflow. */
  workflow: { runId: string; status: string; eventCount: number } | null;
  entries: OrderHistoryEntry[];
}

/**
 * Joins the workflow's history with the log of an order, oldest first. Without the workflow, the log alone.
 * @throws AppError `not_found`, also for an order outside the caller's scope.
 */
export async function getOrderHistory(
  { store, temporal }: HistoryDependencies,
  access: Access,
  id: string,
): Promise<OrderHistory> {
  await getAuthorizedOrder({ store }, access, id);
  const [rows, workflow] = await Promise.all([
    store.log.findByOrder(id),
    readWorkflowHistory(temporal, id).catch(() => null),
  ]);
  const entries = [
    ...rows.filter((row) => isVisible(access, row)).map((row) => toLogEntry(row, workflow)),
    ...(workflow?.entries ?? []).map(
      ({ eventId, ...entry }): OrderHistoryEntry => ({
        ...entry,
        source: 'workflow',
        ...(eventId === null ? {} : { workflowEventId: eventId }),
      }),
    ),
  ];
  const history: OrderHistory = {
    orderId: id,
    workflow: workflow && {
      runId: workflow.runId,
      status: workflow.status,
      eventCount: workflow.eventCount,
    },
    // The sort is stable: entries of one millisecond stay in the order of the log.
    entries: entries.sort((a, b) => a.atMs - b.atMs),
  };
  if (access.scope === 'all') return history;
  return JSON.parse(redactStaffIds(JSON.stringify(history))) as OrderHistory;
}

/**
 * A guest may have ordered with another person's email address: sent and skipped mails would reveal whether that address
 * has an account, and its settings.
 */
const isVisible = ({ principal }: Access, { topic }: LogRow): boolean =>
  principal.kind !== 'order_token' || topic !== 'notification-events';

function toLogEntry(row: LogRow, workflow: WorkflowHistory | null): OrderHistoryEntry {
  const event = JSON.parse(row.body) as CloudEvent;
  const anchor = row.stream === row.subject ? workflow?.anchors.get(row.seq) : undefined;
  return {
    atMs: Date.parse(event.time),
    what: describeEvent(event.type, event.data),
    type: event.type,
    by: event.actor,
    source: 'log',
    event: { id: event.id, data: event.data },
    ...(anchor === undefined ? {} : { anchored: anchor === row.hash }),
  };
}

function describeEvent(type: EventType, data: Record<string, unknown>): string {
  const amount = (key: string) => formatMoney(money(Number(data[key]), String(data.currency)));
  const order = data.order as OrderSnapshot | undefined;
  switch (type) {
    case 'OrderCreated':
      return `Order placed for ${amount('totalMinor')}`;
    case 'StockReserved':
      return `Stock reserved: ${formatReservations(data)}`;
    case 'StockReleased':
      return `Stock released: ${formatReservations(data)}`;
    case 'PaymentSucceeded':
      return `Payment of ${amount('amountMinor')} captured`;
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
      return `Cancellation requested: ${order?.cancellation?.reason ?? 'no reason given'}`;
    case 'OrderCancelled':
      return 'Order cancelled: stock released, payment reversed';
    case 'CancellationRejected':
      return `Cancellation rejected: ${String(data.why)}`;
    case 'OrderAttentionRequired':
      return `Needs attention: ${String(data.step)}: ${String(data.detail)}`;
    case 'OrderAttentionResolved':
      return `Attention resolved: ${String(data.step)}`;
    case 'NotificationSent':
      return `Email sent: ${describeNotification(data)}`;
    case 'NotificationFailed':
      return `Email not sent: ${describeNotification(data)}: ${String(data.error)}`;
    // Not in the history of an order: `findByOrder` does not return them.
    case 'StockAdjusted':
    case 'StockThresholdSet':
    case 'InventoryLow':
    case 'InventoryReplenished':
    case 'WarehouseCreated':
    case 'WarehouseUpdated':
    case 'ApiKeyCreated':
    case 'ApiKeyRevoked':
    case 'RegistrationRequested':
    case 'DuplicateRegistrationAttempted':
    case 'AccountCreated':
    case 'SessionOpened':
    case 'SessionRevoked':
    case 'PasswordResetRequested':
    case 'PasswordChanged':
    case 'RoleChanged':
    case 'ProfileChanged':
    case 'CustomerErased':
    case 'PersonalDataRead':
    case 'ProductCreated':
    case 'ProductUpdated':
    case 'ProductDeactivated':
    case 'ProductImportStarted':
    case 'ProductImportFinished':
      return type;
  }
}

const NOTIFICATION_LABELS: Record<NotificationKind, string> = {
  order_confirmed: 'order confirmation',
  payment_declined: 'payment declined',
  order_out_of_stock: 'insufficient stock',
  order_cancelled: 'order cancellation',
  registration_confirm: 'registration confirmation',
  duplicate_registration: 'repeated registration',
  password_reset: 'password reset',
  password_changed: 'password change',
  inventory_low: 'low stock',
};

const describeNotification = ({ kind }: Record<string, unknown>): string =>
  NOTIFICATION_LABELS[kind as NotificationKind];

const formatReservations = (data: Record<string, unknown>): string =>
  (data.reservations as { quantity: number; sku: string; warehouse: string }[])
    .map((r) => `${r.quantity} × ${r.sku} in ${r.warehouse}`)
    .join(', ');

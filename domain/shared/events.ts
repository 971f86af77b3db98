import type { Actor } from '../orders/order';

export const TOPICS = {
  OrderCreated: 'order-events',
  OrderConfirmed: 'order-events',
  OrderRejected: 'order-events',
  OrderCancellationStarted: 'order-events',
  OrderCancelled: 'order-events',
  CancellationRejected: 'order-events',
  OrderAttentionRequired: 'order-events',
  OrderAttentionResolved: 'order-events',
  StockReserved: 'inventory-events',
  StockReleased: 'inventory-events',
  StockAdjusted: 'inventory-events',
  StockThresholdSet: 'inventory-events',
  InventoryLow: 'inventory-events',
  InventoryReplenished: 'inventory-events',
  WarehouseCreated: 'inventory-events',
  WarehouseUpdated: 'inventory-events',
  PaymentSucceeded: 'payment-events',
  PaymentFailed: 'payment-events',
  PaymentVoided: 'payment-events',
  PaymentRefunded: 'payment-events',
  ApiKeyCreated: 'customer-events',
  ApiKeyRevoked: 'customer-events',
  RegistrationRequested: 'customer-events',
  DuplicateRegistrationAttempted: 'customer-events',
  AccountCreated: 'customer-events',
  SessionOpened: 'customer-events',
  SessionRevoked: 'customer-events',
  PasswordResetRequested: 'customer-events',
  PasswordChanged: 'customer-events',
  RoleChanged: 'customer-events',
  ProfileChanged: 'customer-events',
  CustomerErased: 'customer-events',
  PersonalDataRead: 'customer-events',
  NotificationSent: 'notification-events',
  NotificationFailed: 'notification-events',
  ProductCreated: 'catalogue-events',
  ProductUpdated: 'catalogue-events',
  ProductDeactivated: 'catalogue-events',
  ProductImportStarted: 'catalogue-events',
  ProductImportFinished: 'catalogue-events',
} as const;

export type EventType = keyof typeof TOPICS;
export type Topic = (typeof TOPICS)[EventType];

/** One state change of one aggregate. `key` is unique: aggregate id + business step. `data` has no personal data. */
export interface DomainEvent {
  key: string;
  type: EventType;
  /** The aggregate whose stream this event extends. */
  stream: string;
  /** Id of the resource the event is about, mostly an order; equals `stream` for an order's own events. */
  subject: string;
  actor: Actor;
  /** Milliseconds since the epoch. Ignored when two events with the same key are compared. */
  atMs: number;
  data: Record<string, unknown>;
}

/** CloudEvents 1.0 (https://cloudevents.io), JSON format, with the extension attributes `topic` and `actor`. */
export interface CloudEvent {
  specversion: '1.0';
  id: string;
  source: string;
  type: EventType;
  subject: string;
  time: string;
  datacontenttype: 'application/json';
  topic: Topic;
  actor: string;
  data: Record<string, unknown>;
}

/** `system`, `temporal`, `customer:cus_…`, or `signal (claims: ops@desk)` for an unverified claim. */
export function describeActor(actor: Actor): string {
  if (actor.claim !== undefined) return `${actor.kind} (claims: ${actor.claim})`;
  return actor.id === undefined ? actor.kind : `${actor.kind}:${actor.id}`;
}

/** Removes the account ids of staff from text that customers read. */
export const redactStaffIds = (text: string): string => text.replace(/\bstaff:cus_\w{26}/g, 'staff');

export function toCloudEvent(event: DomainEvent): CloudEvent {
  return {
    specversion: '1.0',
    id: event.key,
    source: '/orders',
    type: event.type,
    subject: event.subject,
    time: new Date(event.atMs).toISOString(),
    datacontenttype: 'application/json',
    topic: TOPICS[event.type],
    actor: describeActor(event.actor),
    data: event.data,
  };
}

import type { Actor, FulfilmentStatus, Order, OrderStatus } from './order';

/**
 * All transitions of an order's `status`; an empty row is a final status. A hold ends in `confirmed` (released),
 * `rejected` (never accepted) or `cancelling` (compensation needed).
 */
export const STATUS_TRANSITIONS: Record<OrderStatus, readonly OrderStatus[]> = {
  placed: ['confirmed', 'on_hold', 'cancelling', 'rejected'],
  confirmed: ['completed', 'on_hold', 'cancelling'],
  on_hold: ['confirmed', 'cancelling', 'rejected'],
  cancelling: ['cancelled'],
  completed: [],
  cancelled: [],
  rejected: [],
};

export const canTransition = (from: OrderStatus, to: OrderStatus): boolean =>
  STATUS_TRANSITIONS[from].includes(to);

/** @throws Error if the table lacks the transition: a bug, never an invalid request. */
export function assertTransition(from: OrderStatus, to: OrderStatus): void {
  if (!canTransition(from, to)) throw new Error(`an order cannot go from ${from} to ${to}`);
}

/** Actions that can be requested for an order. */
export type OrderAction = 'cancel';

export type ActionRejectionCode =
  | 'already_cancelling'
  | 'already_cancelled'
  | 'already_rejected'
  | 'already_completed'
  | 'already_shipped';

/** A rejected action: `reason` is for users, `code` is stable. */
export interface ActionRejection {
  allowed: false;
  reason: string;
  code: ActionRejectionCode;
}

export type Permission = { allowed: true } | ActionRejection;

const ALLOWED: Permission = { allowed: true };
const reject = (code: ActionRejectionCode, reason: string): ActionRejection => ({
  allowed: false,
  reason,
  code,
});

/** Status and fulfilment must both allow the action. `status` is checked first: its reason is more specific. */
interface ActionRule {
  status: Record<OrderStatus, Permission>;
  fulfilment: Record<FulfilmentStatus, Permission>;
}

const SHIPPED = reject('already_shipped', 'The order has already shipped');
const PARTLY_SHIPPED = reject('already_shipped', 'Part of the order has already shipped');

const ACTION_RULES: Record<OrderAction, ActionRule> = {
  cancel: {
    status: {
      placed: ALLOWED,
      confirmed: ALLOWED,
      on_hold: ALLOWED,
      cancelling: reject('already_cancelling', 'The order is already being cancelled'),
      cancelled: reject('already_cancelled', 'The order is already cancelled'),
      rejected: reject('already_rejected', 'The order was rejected'),
      completed: reject('already_completed', 'The order is already completed'),
    },
    fulfilment: {
      unfulfilled: ALLOWED,
      partially_shipped: PARTLY_SHIPPED,
      shipped: SHIPPED,
      partially_delivered: SHIPPED,
      delivered: SHIPPED,
      partially_returned: SHIPPED,
      returned: SHIPPED,
    },
  },
};

/**
 * Whether `action` is possible in the order's current state; used by the workflow and the API.
 * Access to the order is checked elsewhere; no rule depends on the actor yet.
 */
export function can(
  order: Pick<Order, 'status' | 'fulfilment'>,
  action: OrderAction,
  _actor?: Actor,
): Permission {
  const rule = ACTION_RULES[action];
  const byStatus = rule.status[order.status];
  return byStatus.allowed ? rule.fulfilment[order.fulfilment] : byStatus;
}

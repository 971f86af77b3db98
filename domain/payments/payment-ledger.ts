import type { OrderStatus, PaymentStatus } from '../orders/order';

/** Kinds of ledger entries: what happened at the provider. The ledger is append-only. */
export type LedgerEntryKind = 'intent' | 'authorized' | 'captured' | 'declined' | 'voided' | 'refunded';

export interface LedgerEntry {
  /** Unique: the attempt's key and the kind (`ord_…:pay:1:captured`). */
  key: string;
  orderId: string;
  kind: LedgerEntryKind;
  /** Minor units of `currency`. */
  amountMinor: number;
  currency: string;
  provider: string;
  /** The provider's intent id; null for an attempt that was sealed before it had one. */
  intentId: string | null;
  declineCode: string | null;
}

/** Orders in these states owe nothing: a captured amount is to be refunded. */
const REFUND_DUE_STATUSES: readonly OrderStatus[] = ['cancelling', 'cancelled', 'rejected'];

/**
 * Derives the `payment` status of an order from all entries of its ledger. The order's own status decides between the
 * two meanings of the same entries: `paid` or `refund_pending`, `pending` or `none`, `voided` or `failed`.
 */
export function derivePaymentStatus(
  entries: readonly Pick<LedgerEntry, 'kind' | 'amountMinor'>[],
  orderStatus: OrderStatus,
): PaymentStatus {
  const sum = (kind: LedgerEntryKind) =>
    entries.filter((e) => e.kind === kind).reduce((total, e) => total + e.amountMinor, 0);
  const captured = sum('captured');
  const refunded = sum('refunded');
  if (captured > 0) {
    if (refunded >= captured) return 'refunded';
    if (REFUND_DUE_STATUSES.includes(orderStatus)) return 'refund_pending';
    return refunded === 0 ? 'paid' : 'partially_refunded';
  }
  if (orderStatus === 'rejected') return entries.length === 0 ? 'none' : 'failed';
  const kinds = new Set(entries.map((e) => e.kind));
  if (kinds.has('voided')) return 'voided';
  if (kinds.has('authorized')) return 'authorized';
  if (kinds.has('declined')) return 'failed';
  return orderStatus === 'cancelled' ? 'none' : 'pending';
}

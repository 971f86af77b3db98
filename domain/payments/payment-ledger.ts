import type { PaymentStatus } from '../orders/order';

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

/** The `payment` axis of an order, derived from its ledger and what the order comes to. */
export function derivePaymentStatus(
  entries: readonly Pick<LedgerEntry, 'kind' | 'amountMinor'>[],
): PaymentStatus {
  const sum = (kind: LedgerEntryKind) =>
    entries.filter((e) => e.kind === kind).reduce((total, e) => total + e.amountMinor, 0);
  const captured = sum('captured');
  const refunded = sum('refunded');
  if (captured > 0) {
    if (refunded === 0) return 'paid';
    return refunded < captured ? 'partially_refunded' : 'refunded';
  }
  const kinds = new Set(entries.map((e) => e.kind));
  if (kinds.has('voided')) return 'voided';
  if (kinds.has('authorized')) return 'authorized';
  if (kinds.has('declined')) return 'failed';
  return kinds.has('intent') ? 'pending' : 'none';
}

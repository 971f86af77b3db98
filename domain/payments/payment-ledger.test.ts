import fc from 'fast-check';
import type { OrderStatus, PaymentStatus } from '../orders/order';
import { derivePaymentStatus, type LedgerEntryKind } from './payment-ledger';

const STATUSES: OrderStatus[] = [
  'placed',
  'confirmed',
  'completed',
  'on_hold',
  'cancelling',
  'cancelled',
  'rejected',
];
const KINDS: LedgerEntryKind[] = ['intent', 'authorized', 'captured', 'declined', 'voided', 'refunded'];

type Entry = { kind: LedgerEntryKind; amountMinor: number };
const entry = (kind: LedgerEntryKind, amountMinor = 1000): Entry => ({ kind, amountMinor });

const LEDGERS: Record<string, Entry[]> = {
  empty: [],
  'an intent, or a sealed attempt': [entry('intent')],
  'an authorization': [entry('intent'), entry('authorized')],
  'a declined attempt': [entry('intent'), entry('declined')],
  'a declined, then voided attempt': [entry('intent'), entry('declined'), entry('voided')],
  'a voided attempt': [entry('intent'), entry('voided')],
  'a voided authorization': [entry('intent'), entry('authorized'), entry('voided')],
  'a capture': [entry('intent'), entry('captured')],
  'a capture after a declined attempt': [entry('intent'), entry('declined'), entry('captured')],
  'a partial refund': [entry('captured'), entry('refunded', 400)],
  'a full refund': [entry('captured'), entry('refunded')],
  'a full refund in two parts': [entry('captured'), entry('refunded', 400), entry('refunded', 600)],
};

test.each<
  [
    keyof typeof LEDGERS,
    open: PaymentStatus,
    cancelling: PaymentStatus,
    cancelled: PaymentStatus,
    rejected: PaymentStatus,
  ]
>([
  ['empty', 'pending', 'pending', 'none', 'none'],
  ['an intent, or a sealed attempt', 'pending', 'pending', 'none', 'failed'],
  ['an authorization', 'authorized', 'authorized', 'authorized', 'failed'],
  ['a declined attempt', 'failed', 'failed', 'failed', 'failed'],
  ['a declined, then voided attempt', 'voided', 'voided', 'voided', 'failed'],
  ['a voided attempt', 'voided', 'voided', 'voided', 'failed'],
  ['a voided authorization', 'voided', 'voided', 'voided', 'failed'],
  ['a capture', 'paid', 'refund_pending', 'refund_pending', 'refund_pending'],
  ['a capture after a declined attempt', 'paid', 'refund_pending', 'refund_pending', 'refund_pending'],
  ['a partial refund', 'partially_refunded', 'refund_pending', 'refund_pending', 'refund_pending'],
  ['a full refund', 'refunded', 'refunded', 'refunded', 'refunded'],
  ['a full refund in two parts', 'refunded', 'refunded', 'refunded', 'refunded'],
])(
  '%s: open %s, cancelling %s, cancelled %s, rejected %s',
  (ledger, open, cancelling, cancelled, rejected) => {
    const statusOf = (status: OrderStatus) => derivePaymentStatus(LEDGERS[ledger] ?? [], status);
    for (const status of ['placed', 'on_hold', 'confirmed', 'completed'] as const) {
      expect(statusOf(status)).toBe(open);
    }
    expect(statusOf('cancelling')).toBe(cancelling);
    expect(statusOf('cancelled')).toBe(cancelled);
    expect(statusOf('rejected')).toBe(rejected);
  },
);

test('neither the order of the entries nor a repeated read changes the status', () => {
  const entries = fc.array(
    fc.record({ kind: fc.constantFrom(...KINDS), amountMinor: fc.integer({ min: 1, max: 1000 }) }),
  );
  fc.assert(
    fc.property(entries, fc.constantFrom(...STATUSES), (ledger, status) => {
      expect(derivePaymentStatus(ledger.toReversed(), status)).toBe(derivePaymentStatus(ledger, status));
    }),
  );
});

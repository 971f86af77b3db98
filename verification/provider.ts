import type { VerificationReader } from '../db/verification/verification-reader';
import { isClosed, type OrderStatus } from '../domain/orders/order';
import { type PaymentProvider, PaymentProviderError } from '../domain/payments/provider';
import type { Finding } from './findings';
import { isPaymentInFlight, type StoredOrder, sumLedger } from './order';

const PAGE_SIZE = 100;

/** Compares an order's ledger with the provider's records, per intent. */
export async function checkProvider(
  provider: PaymentProvider,
  { id, ledger }: Pick<StoredOrder, 'id' | 'ledger'>,
  status: OrderStatus | undefined,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const addMismatch = (detail: string) => findings.push({ check: 'provider_mismatch', subject: id, detail });
  const intentIds = new Set(ledger.flatMap((e) => (e.intentId === null ? [] : [e.intentId])));
  for (const intentId of intentIds) {
    const intent = await retrieveIntent(provider, intentId);
    if (intent === null) {
      addMismatch(`${intentId}: unknown to the provider`);
      continue;
    }
    const entries = ledger.filter((e) => e.intentId === intentId);
    const ledgerMinor = sumLedger(entries, 'captured') - sumLedger(entries, 'refunded');
    const providerMinor = intent.capturedMinor - intent.refundedMinor;
    const isAhead =
      isPaymentInFlight(status) && (providerMinor === 0 || providerMinor === intent.amountMinor);
    const isOpen = intent.state !== 'captured' && intent.state !== 'voided';
    if (status !== undefined && isClosed(status) && isOpen) {
      addMismatch(
        `${intentId}: the order is ${status}, but the intent is ${intent.state} and can still be paid`,
      );
    }
    if (providerMinor !== ledgerMinor && !isAhead) {
      addMismatch(`${intentId}: the provider retains ${providerMinor}, the ledger ${ledgerMinor}`);
    }
  }
  return findings;
}

async function retrieveIntent(provider: PaymentProvider, intentId: string) {
  try {
    return await provider.retrieve(intentId);
  } catch (error) {
    if (error instanceof PaymentProviderError && error.code === 'invalid_request') return null;
    throw error;
  }
}

/** Finds money at the provider without a ledger entry, in pages. */
export async function* checkUnrecordedIntents(
  provider: PaymentProvider,
  reads: VerificationReader,
): AsyncGenerator<Finding[]> {
  for (let after: string | undefined; ; ) {
    const intents = await provider.list({ ...(after === undefined ? {} : { after }), limit: PAGE_SIZE });
    const last = intents.at(-1);
    if (last === undefined) return;
    const live = intents.filter((i) => i.capturedMinor > i.refundedMinor || i.state === 'authorized');
    const known = await reads.filterKnownIntents(live.map((i) => i.id));
    yield live
      .filter((i) => !known.has(i.id))
      .map((i) => ({
        check: 'provider_mismatch',
        subject: i.orderId ?? i.id,
        detail: `${i.id}: the provider retains ${i.capturedMinor - i.refundedMinor}, the ledger has no entry`,
      }));
    after = last.id;
  }
}

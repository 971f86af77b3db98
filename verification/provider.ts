import type { VerificationReader } from '../db/verification/verification-reader';
import { isClosed, type OrderStatus } from '../domain/orders/order';
import { type PaymentProvider, PaymentProviderError } from '../domain/payments/provider';
import type { Finding } from './findings';
import { isPaymentInFlight, type StoredOrder, sumLedger } from './order';

const PAGE_SIZE = 100;

/** Holds an order's ledger against the provider's books, intent by intent. */
export async function checkProvider(
  provider: PaymentProvider,
  { id, ledger }: Pick<StoredOrder, 'id' | 'ledger'>,
  status: OrderStatus | undefined,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const wrong = (detail: string) => findings.push({ check: 'provider_mismatch', subject: id, detail });
  const intentIds = new Set(ledger.flatMap((e) => (e.intentId === null ? [] : [e.intentId])));
  for (const intentId of intentIds) {
    const intent = await retrieveIntent(provider, intentId);
    if (intent === null) {
      wrong(`${intentId}: the provider does not know it`);
      continue;
    }
    const of = ledger.filter((e) => e.intentId === intentId);
    const kept = sumLedger(of, 'captured') - sumLedger(of, 'refunded');
    const books = intent.capturedMinor - intent.refundedMinor;
    const ahead = isPaymentInFlight(status) && (books === 0 || books === intent.amountMinor);
    const isOpen = intent.state !== 'captured' && intent.state !== 'voided';
    if (status !== undefined && isClosed(status) && isOpen) {
      wrong(`${intentId}: the order is ${status} and it can still be paid, it is ${intent.state}`);
    }
    if (books !== kept && !ahead) wrong(`${intentId}: the provider kept ${books}, the ledger ${kept}`);
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

/** Money at the provider that the ledger knows nothing of, page by page. */
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
        detail: `${i.id}: the provider holds ${i.capturedMinor - i.refundedMinor}, the ledger does not know it`,
      }));
    after = last.id;
  }
}

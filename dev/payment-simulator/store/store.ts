import type { IntentRecord, JournalEntry, RefundRecord } from './records';

/** Metadata key of the order that an intent pays for. */
export const ORDER_ID_METADATA_KEY = 'order_id';

export const getOrderId = (intent: IntentRecord): string | null =>
  intent.metadata[ORDER_ID_METADATA_KEY] ?? null;

/** The simulator's intents and refunds, rebuilt from the journal at startup. Only `apply` changes them. */
export class Store {
  private readonly intentsById = new Map<string, IntentRecord>();
  private readonly refundsById = new Map<string, RefundRecord>();
  private readonly intentIdByCharge = new Map<string, string>();
  private readonly intentIdsByOrder = new Map<string, Set<string>>();
  private readonly refundIdsByIntent = new Map<string, string[]>();
  /** Oldest first: the position of an intent never changes. */
  private readonly intentIds: string[] = [];
  private readonly positions = new Map<string, number>();

  apply({ outcome }: JournalEntry): void {
    if (outcome.intent !== null) this.putIntent(outcome.intent);
    if (outcome.kind === 'refund') this.addRefund(outcome.refund);
  }

  findIntent(id: string): IntentRecord | undefined {
    return this.intentsById.get(id);
  }

  findIntentByCharge(chargeId: string): IntentRecord | undefined {
    return this.findIntent(this.intentIdByCharge.get(chargeId) ?? '');
  }

  findRefund(id: string): RefundRecord | undefined {
    return this.refundsById.get(id);
  }

  /** Oldest first. */
  listIntents(): Iterable<IntentRecord> {
    return this.intentsById.values();
  }

  /** Position in order of creation; -1 for an unknown intent. */
  getPosition(intentId: string): number {
    return this.positions.get(intentId) ?? -1;
  }

  /** Intents from position `from` (included) to `to` (excluded), oldest first. */
  sliceIntents(from: number, to: number): IntentRecord[] {
    return this.intentIds.slice(Math.max(0, from), Math.max(0, to)).map((id) => this.intentsById.get(id)!);
  }

  get intentCount(): number {
    return this.intentIds.length;
  }

  get refundCount(): number {
    return this.refundsById.size;
  }

  listOrderIds(): Iterable<string> {
    return this.intentIdsByOrder.keys();
  }

  findIntentsByOrder(orderId: string): IntentRecord[] {
    return [...(this.intentIdsByOrder.get(orderId) ?? [])].map((id) => this.intentsById.get(id)!);
  }

  /** Oldest first. */
  listRefunds(intentId: string | null): RefundRecord[] {
    if (intentId === null) return [...this.refundsById.values()];
    return (this.refundIdsByIntent.get(intentId) ?? []).map((id) => this.refundsById.get(id)!);
  }

  private putIntent(intent: IntentRecord): void {
    if (!this.intentsById.has(intent.id)) {
      this.positions.set(intent.id, this.intentIds.length);
      this.intentIds.push(intent.id);
      const order = getOrderId(intent);
      if (order !== null) {
        const ids = this.intentIdsByOrder.get(order) ?? new Set();
        this.intentIdsByOrder.set(order, ids.add(intent.id));
      }
    }
    this.intentsById.set(intent.id, intent);
    if (intent.chargeId !== null) this.intentIdByCharge.set(intent.chargeId, intent.id);
  }

  private addRefund(refund: RefundRecord): void {
    this.refundsById.set(refund.id, refund);
    const ids = this.refundIdsByIntent.get(refund.intentId) ?? [];
    ids.push(refund.id);
    this.refundIdsByIntent.set(refund.intentId, ids);
  }
}

import type { LedgerEntry, LedgerEntryKind } from '../../domain/payments/payment-ledger';
import { canonicalJson } from '../../domain/shared/canonical-json';
import { paymentAttemptKey } from '../../domain/shared/ids';
import { type Database, isDuplicate, type Tx } from '../core/connect';
import { insert, select } from '../core/sql';

/** The key under which a try's intent is recorded: one per try, whatever became of it. */
const intentEntryKey = (orderId: string, attempt: number): string =>
  `${paymentAttemptKey(orderId, attempt)}:intent`;

const declinedEntryKey = (orderId: string, attempt: number): string =>
  `${paymentAttemptKey(orderId, attempt)}:declined`;

export type LedgerRow = LedgerEntry & { recordedAtMs: number };

/** The same key was used for another entry: a fault of the program, and the transaction must not commit. */
export class LedgerKeyConflictError extends Error {
  override readonly name = 'LedgerKeyConflictError';
  constructor(readonly key: string) {
    super(`entry ${key} is in the payment ledger with other contents`);
  }
}

export interface PaymentLedger {
  /** Adds entries; one that is there already is left as it is. @throws LedgerKeyConflictError when it says something else. */
  add(entries: readonly LedgerEntry[], atMs: number, tx: Tx): Promise<void>;
  /**
   * Records the intent of a try before it is confirmed, unless the try has one.
   * @returns the intent the try has: the one given, an earlier one, or null when the try was given up before it had one.
   */
  recordIntent(
    entry: Omit<LedgerEntry, 'key' | 'kind' | 'declineCode'> & { attempt: number; intentId: string },
    atMs: number,
  ): Promise<string | null>;
  /**
   * Ends a try for good: without an intent yet it can never get one, so that an undo cannot come before what it undoes.
   * @returns the intent to undo, or null when there is none and never will be.
   */
  sealAttempt(
    entry: Omit<LedgerEntry, 'key' | 'kind' | 'declineCode' | 'intentId'> & { attempt: number },
    atMs: number,
  ): Promise<string | null>;
  /**
   * Records why a try was declined before its intent is voided: afterwards the provider knows of a void only. The row is the
   * one that the order's step adds.
   */
  recordDecline(
    entry: Omit<LedgerEntry, 'key' | 'kind'> & { attempt: number; declineCode: string },
    atMs: number,
  ): Promise<void>;
  /** Null where the try was not declined. */
  declineCode(orderId: string, attempt: number): Promise<string | null>;
  findByOrder(orderId: string, tx?: Tx): Promise<LedgerRow[]>;
}

const COLUMNS = `entry_key AS "key", order_id AS orderId, kind, amount_minor AS amountMinor, currency, provider,
  intent_id AS intentId, decline_code AS declineCode, recorded_at_ms AS recordedAtMs`;

export function createPaymentLedger(db: Database): PaymentLedger {
  const toRow = (e: LedgerEntry, atMs: number) => ({
    entry_key: e.key,
    order_id: e.orderId,
    kind: e.kind as string,
    amount_minor: e.amountMinor,
    currency: e.currency,
    provider: e.provider,
    intent_id: e.intentId,
    decline_code: e.declineCode,
    recorded_at_ms: atMs,
  });

  /** Inserts the try's intent row if it is the first; whoever came first decides. */
  const firstIntent = async (
    { attempt, ...entry }: Omit<LedgerEntry, 'key' | 'kind' | 'declineCode'> & { attempt: number },
    atMs: number,
  ): Promise<string | null> => {
    const key = intentEntryKey(entry.orderId, attempt);
    const kind: LedgerEntryKind = 'intent';
    const row = toRow({ ...entry, key, kind, declineCode: null }, atMs);
    try {
      await db.writeStatement(() => insert(db, 'payment_ledger', [row]));
      return entry.intentId;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    const [first] = await select<{ intentId: string | null }>(
      db,
      'SELECT intent_id AS intentId FROM payment_ledger WHERE entry_key = :key',
      { key },
    );
    return first?.intentId ?? null;
  };

  const assertSame = async (entry: LedgerEntry, tx: Tx): Promise<void> => {
    const [row] = await select<LedgerRow>(
      db,
      `SELECT ${COLUMNS} FROM payment_ledger WHERE entry_key = :key`,
      { key: entry.key },
      tx,
    );
    if (row === undefined) throw new LedgerKeyConflictError(entry.key);
    const { recordedAtMs: _, ...stored } = row;
    if (canonicalJson(stored) !== canonicalJson(entry)) throw new LedgerKeyConflictError(entry.key);
  };

  return {
    async add(entries, atMs, tx) {
      for (const entry of entries) {
        try {
          await insert(db, 'payment_ledger', [toRow(entry, atMs)], { tx });
        } catch (error) {
          if (!isDuplicate(error)) throw error;
          await assertSame(entry, tx);
        }
      }
    },
    recordIntent: firstIntent,
    sealAttempt: (entry, atMs) => firstIntent({ ...entry, intentId: null }, atMs),
    async recordDecline({ attempt, ...entry }, atMs) {
      const row = toRow({ ...entry, key: declinedEntryKey(entry.orderId, attempt), kind: 'declined' }, atMs);
      try {
        await db.writeStatement(() => insert(db, 'payment_ledger', [row]));
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
    },
    async declineCode(orderId, attempt) {
      const [row] = await select<{ declineCode: string }>(
        db,
        'SELECT decline_code AS declineCode FROM payment_ledger WHERE entry_key = :key',
        { key: declinedEntryKey(orderId, attempt) },
      );
      return row?.declineCode ?? null;
    },
    findByOrder: (orderId, tx) =>
      select<LedgerRow>(
        db,
        `SELECT ${COLUMNS} FROM payment_ledger WHERE order_id = :orderId ORDER BY recorded_at_ms, entry_key`,
        { orderId },
        tx,
      ),
  };
}

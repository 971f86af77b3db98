import type { LedgerEntry, LedgerEntryKind } from '../../domain/payments/payment-ledger';
import { canonicalJson } from '../../domain/shared/canonical-json';
import { paymentAttemptKey } from '../../domain/shared/ids';
import { type Database, isDuplicate, type Tx } from '../core/connect';
import { insertRows, selectRows } from '../core/sql';
import type { LedgerRow } from './models';

export type { LedgerRow } from './models';

/** The key of an attempt's intent: one per attempt, whatever its result. */
const intentEntryKey = (orderId: string, attempt: number): string =>
  `${paymentAttemptKey(orderId, attempt)}:intent`;

const declinedEntryKey = (orderId: string, attempt: number): string =>
  `${paymentAttemptKey(orderId, attempt)}:declined`;

/** The key exists with another entry: a defect, and the transaction must not commit. */
export class LedgerKeyConflictError extends Error {
  override readonly name = 'LedgerKeyConflictError';
  constructor(readonly key: string) {
    super(`entry ${key} is in the payment ledger with other contents`);
  }
}

export interface PaymentLedger {
  /** Adds entries; an existing equal one stays unchanged. @throws LedgerKeyConflictError when an existing one differs. */
  add(entries: readonly LedgerEntry[], atMs: number, tx: Tx): Promise<void>;
  /**
   * Records the intent of an attempt before it is confirmed, unless the attempt has one.
   * @returns the attempt's intent: the given one, an earlier one, or null when the attempt was sealed without one.
   */
  recordIntent(
    entry: Omit<LedgerEntry, 'key' | 'kind' | 'declineCode'> & { attempt: number; intentId: string },
    atMs: number,
  ): Promise<string | null>;
  /**
   * Prevents an attempt without an intent from getting one, so that no payment can follow its compensation.
   * @returns the intent to compensate, or null when there is none and never will be.
   */
  sealAttempt(
    entry: Omit<LedgerEntry, 'key' | 'kind' | 'declineCode' | 'intentId'> & { attempt: number },
    atMs: number,
  ): Promise<string | null>;
  /**
   * Records why an attempt was declined before its intent is voided: afterwards the provider reports the void only. The
   * activity of the order adds the same row.
   */
  recordDecline(
    entry: Omit<LedgerEntry, 'key' | 'kind'> & { attempt: number; declineCode: string },
    atMs: number,
  ): Promise<void>;
  /** Null when the attempt was not declined. */
  findDeclineCode(orderId: string, attempt: number): Promise<string | null>;
  findByOrder(orderId: string, tx?: Tx): Promise<LedgerRow[]>;
}

export function createPaymentLedger(db: Database): PaymentLedger {
  const { ledger } = db.models;
  const findByKey = async (key: string, tx?: Tx): Promise<LedgerRow | undefined> =>
    (await selectRows(db, ledger, 'WHERE entry_key = :key', { key }, tx))[0];

  /** Inserts the intent row of the attempt unless it exists. @returns the intent of the existing or new row. */
  const insertIntentOnce = async (
    { attempt, ...entry }: Omit<LedgerEntry, 'key' | 'kind' | 'declineCode'> & { attempt: number },
    atMs: number,
  ): Promise<string | null> => {
    const key = intentEntryKey(entry.orderId, attempt);
    const kind: LedgerEntryKind = 'intent';
    const row = { ...entry, key, kind, declineCode: null, recordedAtMs: atMs };
    try {
      await db.writeStatement(() => insertRows(db, ledger, [row]));
      return entry.intentId;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    return (await findByKey(key))?.intentId ?? null;
  };

  const assertSame = async (entry: LedgerEntry, tx: Tx): Promise<void> => {
    const row = await findByKey(entry.key, tx);
    if (row === undefined) throw new LedgerKeyConflictError(entry.key);
    const { recordedAtMs: _, ...stored } = row;
    if (canonicalJson(stored) !== canonicalJson(entry)) throw new LedgerKeyConflictError(entry.key);
  };

  return {
    async add(entries, atMs, tx) {
      for (const entry of entries) {
        try {
          await insertRows(db, ledger, [{ ...entry, recordedAtMs: atMs }], { tx });
        } catch (error) {
          if (!isDuplicate(error)) throw error;
          await assertSame(entry, tx);
        }
      }
    },
    recordIntent: insertIntentOnce,
    sealAttempt: (entry, atMs) => insertIntentOnce({ ...entry, intentId: null }, atMs),
    async recordDecline({ attempt, ...entry }, recordedAtMs) {
      const kind: LedgerEntryKind = 'declined';
      const row = { ...entry, key: declinedEntryKey(entry.orderId, attempt), kind, recordedAtMs };
      try {
        await db.writeStatement(() => insertRows(db, ledger, [row]));
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
    },
    async findDeclineCode(orderId, attempt) {
      return (await findByKey(declinedEntryKey(orderId, attempt)))?.declineCode ?? null;
    },
    findByOrder: (orderId, tx) =>
      selectRows(db, ledger, 'WHERE order_id = :orderId ORDER BY recorded_at_ms, entry_key', { orderId }, tx),
  };
}

import type { InferAttributes, Sequelize } from 'sequelize';
import type { LedgerEntry } from '../../domain/payments/payment-ledger';
import { BIGINT, defineTable, nullable, type RowModel, STRING } from '../core/table';

interface LedgerEntryModel extends RowModel<LedgerEntryModel>, LedgerEntry {
  recordedAtMs: number;
}
export type LedgerRow = InferAttributes<LedgerEntryModel>;

export const definePaymentModels = (sequelize: Sequelize) => ({
  ledger: defineTable<LedgerEntryModel>(sequelize, 'payment_ledger', {
    key: { type: STRING, field: 'entry_key', primaryKey: true },
    orderId: STRING,
    kind: STRING,
    amountMinor: BIGINT,
    currency: STRING,
    provider: STRING,
    intentId: nullable(STRING),
    declineCode: nullable(STRING),
    recordedAtMs: BIGINT,
  }),
});

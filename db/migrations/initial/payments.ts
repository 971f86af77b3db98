import { createAppendOnlyTriggers } from '../append-only';
import type { Migration } from '../migration';

export const createPaymentTables: Migration = async (context) => {
  const { run, type } = context;
  const { id, int, timestampMs, code } = type;

  await run(`CREATE TABLE payment_ledger (
    entry_key ${id} PRIMARY KEY,
    order_id ${id} NOT NULL,
    kind ${code(16)} NOT NULL,
    amount_minor ${int} NOT NULL CHECK (amount_minor >= 0),
    currency ${code(3)} NOT NULL,
    provider ${code(32)} NOT NULL,
    intent_id ${code(128)} NULL,
    decline_code ${code(64)} NULL,
    recorded_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX payment_ledger_by_order ON payment_ledger (order_id, recorded_at_ms, entry_key)');
  await run('CREATE INDEX payment_ledger_by_intent ON payment_ledger (intent_id)');
  await createAppendOnlyTriggers(context, 'payment_ledger');
};

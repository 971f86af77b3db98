import type { Migration } from './migration';

/** What reconciliation found wrong with orders, and what it did about it. */
export const up: Migration = async ({ run, type }) => {
  const { id, int, timestampMs, code } = type;

  // A row tells of one time that something was wrong. `open_order_id` is the order while it is, so an order has one at most.
  await run(`CREATE TABLE reconciliation_findings (
    id ${type.autoIncrementId},
    order_id ${id} NOT NULL,
    open_order_id ${id} NULL UNIQUE,
    problem ${code(32)} NOT NULL,
    detail ${type.text(400)} NOT NULL,
    action ${code(16)} NOT NULL,
    run_id ${code(64)} NULL,
    restarts ${int} NOT NULL DEFAULT 0,
    first_seen_ms ${timestampMs} NOT NULL,
    last_seen_ms ${timestampMs} NOT NULL,
    next_check_ms ${timestampMs} NOT NULL,
    resolved_ms ${timestampMs} NULL
  )`);
  await run('CREATE INDEX reconciliation_findings_of_order ON reconciliation_findings (order_id, id)');
};

export const down: Migration = async ({ run }) => {
  await run('DROP TABLE reconciliation_findings');
};

import type { Migration } from '../migration';

/** Idempotency keys, placements, orders and the findings of their reconciliation. */
export const createOrderTables: Migration = async ({ run, type, dialect }) => {
  const { id, text, int, timestampMs, code, largeText } = type;

  // The resource that a request with an idempotency key created. Clustered by its key in both dialects.
  await run(`CREATE TABLE idempotency_keys (
    caller ${id} NOT NULL,
    operation ${code(32)} NOT NULL,
    idempotency_key ${code(255)} NOT NULL,
    request_hash ${code(64)} NOT NULL,
    resource_id ${id} NOT NULL,
    created_at_ms ${timestampMs} NOT NULL,
    PRIMARY KEY (caller, operation, idempotency_key)
  )${dialect === 'sqlite' ? ' WITHOUT ROWID' : ''}`);

  // Accepted placements, stored before the workflow starts. No personal data.
  await run(`CREATE TABLE placements (
    order_id ${id} PRIMARY KEY,
    input ${largeText} NOT NULL,
    created_at_ms ${timestampMs} NOT NULL
  )`);

  await run(`CREATE TABLE orders (
    id ${id} PRIMARY KEY,
    customer_id ${id} NOT NULL,
    status ${code(16)} NOT NULL,
    payment ${code(24)} NOT NULL,
    fulfilment ${code(24)} NOT NULL,
    currency ${code(3)} NOT NULL,
    subtotal_minor ${int} NOT NULL,
    discount_minor ${int} NOT NULL,
    shipping_method ${code(32)} NOT NULL,
    shipping_minor ${int} NOT NULL,
    tax_minor ${int} NOT NULL,
    total_minor ${int} NOT NULL,
    tax_included ${int} NOT NULL,
    version ${int} NOT NULL,
    placed_at_ms ${timestampMs} NOT NULL,
    updated_at_ms ${timestampMs} NOT NULL,
    cancellation ${largeText} NULL,
    rejection ${largeText} NULL,
    attention ${largeText} NULL
  )`);
  // The id begins with the time of placement, so these indexes return every list newest first without sorting.
  await run('CREATE INDEX orders_by_customer ON orders (customer_id, id)');
  await run('CREATE INDEX orders_by_status ON orders (status, id)');
  await run('CREATE INDEX orders_by_customer_and_status ON orders (customer_id, status, id)');

  await run(`CREATE TABLE order_lines (
    order_id ${id} NOT NULL,
    line ${int} NOT NULL,
    sku ${id} NOT NULL,
    name ${text(200)} NOT NULL,
    quantity ${int} NOT NULL,
    unit_price_minor ${int} NOT NULL,
    subtotal_minor ${int} NOT NULL,
    discount_minor ${int} NOT NULL,
    tax_minor ${int} NOT NULL,
    total_minor ${int} NOT NULL,
    PRIMARY KEY (order_id, line)
  )`);

  // `open_order_id` is the order while its problem is unresolved: an order has at most one open finding.
  await run(`CREATE TABLE reconciliation_findings (
    id ${type.autoIncrementId},
    order_id ${id} NOT NULL,
    open_order_id ${id} NULL UNIQUE,
    problem ${code(32)} NOT NULL,
    detail ${text(400)} NOT NULL,
    action ${code(16)} NOT NULL,
    run_id ${code(64)} NULL,
    restarts ${int} NOT NULL DEFAULT 0,
    first_seen_ms ${timestampMs} NOT NULL,
    last_seen_ms ${timestampMs} NOT NULL,
    next_check_ms ${timestampMs} NOT NULL,
    resolved_ms ${timestampMs} NULL
  )`);
  await run('CREATE INDEX reconciliation_findings_by_order ON reconciliation_findings (order_id, id)');
};

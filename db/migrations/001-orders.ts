import type { Migration } from './migration';

/** Catalogue, stock, placements, orders, contacts, payment ledger. */
export const up: Migration = async ({ run, type }) => {
  const { id, text, int, timestampMs, code } = type;

  await run(`CREATE TABLE products (
    sku ${id} PRIMARY KEY,
    name ${text(200)} NOT NULL,
    description ${text(2000)} NOT NULL,
    price_minor ${int} NOT NULL CHECK (price_minor >= 0),
    currency ${code(3)} NOT NULL,
    tax_class ${code(16)} NOT NULL,
    weight_grams ${int} NOT NULL,
    active ${int} NOT NULL DEFAULT 1,
    version ${int} NOT NULL DEFAULT 1,
    updated_at_ms ${timestampMs} NOT NULL
  )`);

  await run(`CREATE TABLE warehouses (
    code ${code(16)} PRIMARY KEY,
    name ${text(200)} NOT NULL,
    country ${code(2)} NOT NULL
  )`);

  await run(`CREATE TABLE stock (
    sku ${id} NOT NULL,
    warehouse ${code(16)} NOT NULL,
    on_hand ${int} NOT NULL CHECK (on_hand >= 0),
    reserved ${int} NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    PRIMARY KEY (sku, warehouse),
    CHECK (on_hand - reserved >= 0)
  )`);

  // The key is the reservation's token: one per order, line and warehouse, for ever.
  await run(`CREATE TABLE reservations (
    id ${id} PRIMARY KEY,
    order_id ${id} NOT NULL,
    line ${int} NOT NULL,
    sku ${id} NOT NULL,
    warehouse ${code(16)} NOT NULL,
    quantity ${int} NOT NULL CHECK (quantity > 0),
    state ${code(16)} NOT NULL,
    reserved_at_ms ${timestampMs} NOT NULL,
    released_at_ms ${timestampMs} NULL
  )`);
  await run('CREATE UNIQUE INDEX reservations_of_order ON reservations (order_id, line, warehouse)');
  await run('CREATE INDEX reservations_of_stock ON reservations (sku, warehouse, state)');

  // What the API promised to do for an idempotency key, before it did it. Holds no personal data.
  await run(`CREATE TABLE placements (
    order_id ${id} PRIMARY KEY,
    caller ${id} NOT NULL,
    idempotency_key ${code(255)} NULL,
    body_hash ${code(64)} NOT NULL,
    input ${type.largeText} NOT NULL,
    created_at_ms ${timestampMs} NOT NULL,
    UNIQUE (caller, idempotency_key)
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
    shipping_minor ${int} NOT NULL,
    tax_minor ${int} NOT NULL,
    total_minor ${int} NOT NULL,
    tax_included ${int} NOT NULL,
    version ${int} NOT NULL,
    placed_at_ms ${timestampMs} NOT NULL,
    updated_at_ms ${timestampMs} NOT NULL,
    cancellation ${type.largeText} NULL,
    rejection ${type.largeText} NULL,
    attention ${type.largeText} NULL
  )`);
  // The id begins with the time of placement, so these give every list newest first without sorting.
  await run('CREATE INDEX orders_of_customer ON orders (customer_id, id)');
  await run('CREATE INDEX orders_by_status ON orders (status, id)');
  await run('CREATE INDEX orders_of_customer_by_status ON orders (customer_id, status, id)');

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

  // The two contact tables are the only place of personal data; erasing it is an UPDATE here and nowhere else.
  await run(`CREATE TABLE customer_contacts (
    customer_id ${id} PRIMARY KEY,
    email ${text(254)} NULL UNIQUE,
    created_at_ms ${timestampMs} NOT NULL,
    erased_at_ms ${timestampMs} NULL
  )`);
  await run(`CREATE TABLE order_contacts (
    order_id ${id} PRIMARY KEY,
    customer_id ${id} NOT NULL,
    email ${text(254)} NULL,
    name ${text(200)} NULL,
    phone ${text(40)} NULL,
    shipping_address ${type.largeText} NULL,
    erased_at_ms ${timestampMs} NULL
  )`);
  await run('CREATE INDEX order_contacts_of_customer ON order_contacts (customer_id)');

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
  await run('CREATE INDEX payment_ledger_of_order ON payment_ledger (order_id, recorded_at_ms, entry_key)');
  await run('CREATE INDEX payment_ledger_of_intent ON payment_ledger (intent_id)');
};

export const down: Migration = async ({ run }) => {
  for (const table of [
    'payment_ledger',
    'order_contacts',
    'customer_contacts',
    'order_lines',
    'orders',
    'placements',
    'reservations',
    'stock',
    'warehouses',
    'products',
  ]) {
    await run(`DROP TABLE ${table}`);
  }
};

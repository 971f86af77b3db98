import { createAppendOnlyTriggers } from '../append-only';
import type { Migration } from '../migration';

/** Warehouses, stock levels, reservations, and the movements that explain every unit on hand. */
export const createInventoryTables: Migration = async (context) => {
  const { run, type, dialect } = context;
  const { id, text, int, timestampMs, code } = type;

  await run(`CREATE TABLE warehouses (
    code ${code(16)} PRIMARY KEY,
    name ${text(200)} NOT NULL,
    country ${code(2)} NOT NULL,
    active ${int} NOT NULL DEFAULT 1,
    version ${int} NOT NULL DEFAULT 1
  )`);

  await run(`CREATE TABLE stock (
    sku ${id} NOT NULL,
    warehouse ${code(16)} NOT NULL,
    on_hand ${int} NOT NULL CHECK (on_hand >= 0),
    reserved ${int} NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    PRIMARY KEY (sku, warehouse),
    CHECK (on_hand - reserved >= 0)
  )`);
  await run('CREATE INDEX stock_by_warehouse ON stock (warehouse, sku)');

  // One row for each product with stock or a threshold. A transaction that changes the product's levels locks it first.
  await run(`CREATE TABLE stock_items (
    sku ${id} PRIMARY KEY,
    threshold ${int} NULL CHECK (threshold >= 0),
    threshold_version ${int} NOT NULL DEFAULT 0,
    low_since_ms ${timestampMs} NULL,
    crossings ${int} NOT NULL DEFAULT 0
  )`);
  await run('CREATE INDEX stock_items_by_low_since ON stock_items (low_since_ms, sku)');
  // A trigger, because orders cannot reserve stock without this row.
  await run(`CREATE TRIGGER stock_to_items AFTER INSERT ON stock ${dialect === 'mysql' ? 'FOR EACH ROW' : ''}
    BEGIN
      INSERT INTO stock_items (sku) SELECT n.sku FROM (SELECT NEW.sku AS sku) AS n
      WHERE NOT EXISTS (SELECT 1 FROM stock_items i WHERE i.sku = n.sku);
    END`);

  // The key identifies the reservation: one per order, line and warehouse.
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
  await run('CREATE UNIQUE INDEX reservations_by_order ON reservations (order_id, line, warehouse)');
  await run('CREATE INDEX reservations_by_stock ON reservations (sku, warehouse, state)');

  await run(`CREATE TABLE stock_movements (
    id ${type.autoIncrementId},
    movement_key ${id} NOT NULL UNIQUE,
    sku ${id} NOT NULL,
    warehouse ${code(16)} NOT NULL,
    on_hand_delta ${int} NOT NULL,
    on_hand_after ${int} NOT NULL CHECK (on_hand_after >= 0),
    reason ${code(24)} NOT NULL,
    note ${text(500)} NULL,
    actor ${id} NOT NULL,
    at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX stock_movements_by_sku ON stock_movements (sku, id)');
  await run('CREATE INDEX stock_movements_by_sku_and_warehouse ON stock_movements (sku, warehouse, id)');
  await createAppendOnlyTriggers(context, 'stock_movements');
};

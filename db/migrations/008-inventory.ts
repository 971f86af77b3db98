import { openingMovementsSql } from '../inventory/opening-movements';
import type { Migration } from './migration';

/** Movements that explain every unit on hand, thresholds, warehouses that can be closed. */
export const up: Migration = async ({ run, type, dialect }) => {
  const { id, text, int, timestampMs, code } = type;
  const perRow = dialect === 'mysql' ? 'FOR EACH ROW' : '';

  await run(`ALTER TABLE warehouses ADD COLUMN active ${int} NOT NULL DEFAULT 1`);
  await run(`ALTER TABLE warehouses ADD COLUMN version ${int} NOT NULL DEFAULT 1`);
  // The warehouse's own flag, repeated where an order has the row locked anyway.
  await run(`ALTER TABLE stock ADD COLUMN active ${int} NOT NULL DEFAULT 1`);
  await run('CREATE INDEX stock_of_warehouse ON stock (warehouse, sku)');

  // One row for each product that has stock or a threshold. Who changes a level of the product locks it first.
  await run(`CREATE TABLE stock_items (
    sku ${id} PRIMARY KEY,
    threshold ${int} NULL CHECK (threshold >= 0),
    threshold_version ${int} NOT NULL DEFAULT 0,
    low_since_ms ${timestampMs} NULL,
    crossings ${int} NOT NULL DEFAULT 0
  )`);
  await run('CREATE INDEX stock_items_low ON stock_items (low_since_ms, sku)');
  await run(`INSERT INTO stock_items (sku)
    SELECT DISTINCT sku FROM stock WHERE sku NOT IN (SELECT sku FROM stock_items) ORDER BY sku`);
  // By a trigger, so that nobody who adds stock can forget it: orders would not see it.
  await run(`CREATE TRIGGER stock_to_items AFTER INSERT ON stock ${perRow}
    BEGIN
      INSERT INTO stock_items (sku) SELECT n.sku FROM (SELECT NEW.sku AS sku) AS n
      WHERE NOT EXISTS (SELECT 1 FROM stock_items i WHERE i.sku = n.sku);
    END`);

  // The key of the request that asked for a movement makes it happen once.
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
    at_ms ${timestampMs} NOT NULL,
    caller ${id} NULL,
    idempotency_key ${code(255)} NULL,
    body_hash ${code(64)} NULL,
    UNIQUE (caller, idempotency_key)
  )`);
  await run('CREATE INDEX stock_movements_of_product ON stock_movements (sku, id)');
  await run('CREATE INDEX stock_movements_of_stock ON stock_movements (sku, warehouse, id)');
  await run(openingMovementsSql(dialect, Date.now()));
  for (const change of ['UPDATE', 'DELETE']) {
    const refuse =
      dialect === 'mysql'
        ? "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'stock_movements only grows'"
        : "SELECT RAISE(ABORT, 'stock_movements only grows')";
    await run(`CREATE TRIGGER stock_movements_no_${change.toLowerCase()} BEFORE ${change} ON stock_movements ${perRow}
      BEGIN ${refuse}; END`);
  }

  // Several people may be told of one event: they are numbered from 1.
  await run(`ALTER TABLE notifications ADD COLUMN recipient ${int} NOT NULL DEFAULT 1`);
};

export const down: Migration = async ({ run, dialect }) => {
  await run('ALTER TABLE notifications DROP COLUMN recipient');
  await run('DROP TABLE stock_movements');
  await run('DROP TRIGGER stock_to_items');
  await run('DROP TABLE stock_items');
  await run(`DROP INDEX stock_of_warehouse${dialect === 'mysql' ? ' ON stock' : ''}`);
  await run('ALTER TABLE stock DROP COLUMN active');
  await run('ALTER TABLE warehouses DROP COLUMN version');
  await run('ALTER TABLE warehouses DROP COLUMN active');
};

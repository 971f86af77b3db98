import type { Database } from '../core/connect';

/**
 * SQL that begins the ledger of movements: what is on hand where nothing has moved yet. Run again it adds nothing.
 * (An `ifNew` is an UPDATE to MySQL, and the ledger refuses those.)
 */
export function openingMovementsSql(dialect: Database['dialect'], atMs: number): string {
  const key =
    dialect === 'mysql'
      ? "CONCAT('opening:', s.sku, ':', s.warehouse)"
      : "'opening:' || s.sku || ':' || s.warehouse";
  return `INSERT INTO stock_movements
      (movement_key, sku, warehouse, on_hand_delta, on_hand_after, reason, actor, at_ms)
    SELECT ${key}, s.sku, s.warehouse, s.on_hand, s.on_hand, 'opening', 'system', ${atMs} FROM stock s
    WHERE NOT EXISTS (SELECT 1 FROM stock_movements m WHERE m.sku = s.sku AND m.warehouse = s.warehouse)
    ORDER BY s.sku, s.warehouse`;
}

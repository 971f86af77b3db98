import { hashNote } from '../db/inventory/stock-movements';
import type { StoredStock } from '../db/verification/stock-verification-reader';
import type { StockMovementPayload } from '../domain/inventory/stock-events';
import { detectStockAlert, sumAvailableUnits } from '../domain/inventory/stock-item';
import type { StockMovement } from '../domain/inventory/stock-movement';
import type { CloudEvent } from '../domain/shared/events';
import { openingMovementId } from '../domain/shared/ids';
import type { Finding } from './findings';

const movementMismatch = (subject: string, detail: string): Finding => ({
  check: 'movement_mismatch',
  subject,
  detail,
});

/** Projects the stock of one product from log and movements, in constant memory. */
export class StockProjection {
  /** Warehouse → units before its first adjustment and after its last one. */
  private readonly adjustments = new Map<string, { openingUnits: number; onHand: number }>();
  /** Warehouse → units of its opening movement. */
  private readonly openings = new Map<string, number>();
  private threshold: number | null = null;
  private lowSinceMs: number | null = null;
  private crossings = 0;

  constructor(private readonly sku: string) {}

  /**
   * Applies an event and compares it with its movement.
   * @param row the movement with the event's id, if it exists.
   */
  apply({ type, data, time, actor }: CloudEvent, row: StockMovement | undefined): Finding[] {
    switch (type) {
      case 'StockAdjusted':
        return this.applyAdjustment(
          data as unknown as StockMovementPayload,
          { actor, atMs: Date.parse(time) },
          row,
        );
      case 'StockThresholdSet':
        this.threshold = data.threshold as number | null;
        return [];
      case 'InventoryLow':
        this.lowSinceMs = Date.parse(time);
        this.crossings += 1;
        return [];
      case 'InventoryReplenished':
        this.lowSinceMs = null;
        return [];
      default:
        return [];
    }
  }

  /** Compares an opening movement with the units before the first adjustment. */
  checkOpening({ id, warehouse, onHandDelta, onHandAfter }: StockMovement): Finding[] {
    if (id !== openingMovementId(this.sku, warehouse))
      return [movementMismatch(id, 'not a valid opening movement')];
    this.openings.set(warehouse, onHandAfter);
    const units = this.adjustments.get(warehouse)?.openingUnits ?? onHandAfter;
    if (onHandDelta === onHandAfter && onHandAfter === units) return [];
    return [movementMismatch(id, `opens with ${onHandDelta} to ${onHandAfter}, the log starts at ${units}`)];
  }

  /** Compares the stored rows with the projection. */
  check({ item, levels }: StoredStock): Finding[] {
    const findings = [...this.missingOpenings(), ...this.checkLevels(levels)];
    const mismatch = (detail: string) =>
      findings.push({ check: 'threshold_mismatch', subject: this.sku, detail });
    const { threshold, lowSinceMs, crossings } = this;
    if (item === undefined) {
      mismatch('the stock item is missing: orders cannot reserve the product');
      return findings;
    }
    for (const [field, expected] of Object.entries({ threshold, lowSinceMs, crossings })) {
      const stored = item[field as keyof typeof item];
      if (stored !== expected) mismatch(`${field} is ${stored}, in the log ${expected}`);
    }
    if (findings.length === 0 && detectStockAlert({ sku: this.sku, ...item, levels }) !== null) {
      mismatch(
        `${sumAvailableUnits(levels)} units available, threshold ${threshold}: the log has no stock alert`,
      );
    }
    return findings;
  }

  private applyAdjustment(
    payload: StockMovementPayload,
    context: { actor: string; atMs: number },
    row: StockMovement | undefined,
  ): Finding[] {
    const { movementId, warehouse, onHandDelta, onHandAfter } = payload;
    const before = this.adjustments.get(warehouse);
    const openingUnits = before?.openingUnits ?? onHandAfter - onHandDelta;
    this.adjustments.set(warehouse, { openingUnits, onHand: onHandAfter });
    const findings: Finding[] = [];
    if (before !== undefined && before.onHand + onHandDelta !== onHandAfter) {
      findings.push(
        movementMismatch(movementId, `${before.onHand} plus ${onHandDelta} is not ${onHandAfter}`),
      );
    }
    if (row === undefined)
      return [...findings, movementMismatch(movementId, 'the movement is missing, its event exists')];
    const { note, ...fields } = row;
    const stored: Record<string, unknown> = { ...fields, noteSha256: hashNote(note) };
    const log: Record<string, unknown> = { ...payload, ...context };
    for (const field of COMPARED_FIELDS) {
      if (stored[field] === log[field]) continue;
      findings.push(movementMismatch(movementId, `${field} is ${stored[field]}, in the log ${log[field]}`));
    }
    return findings;
  }

  private missingOpenings(): Finding[] {
    return [...this.adjustments].flatMap(([warehouse, { openingUnits }]) =>
      openingUnits === 0 || this.openings.has(warehouse)
        ? []
        : [
            movementMismatch(
              openingMovementId(this.sku, warehouse),
              `the opening movement of ${openingUnits} units is missing`,
            ),
          ],
    );
  }

  private checkLevels(levels: StoredStock['levels']): Finding[] {
    const mismatch = (warehouse: string, detail: string, check: Finding['check'] = 'stock_mismatch') => [
      { check, subject: `${this.sku} in ${warehouse}`, detail },
    ];
    const stored = new Set(levels.map(({ warehouse }) => warehouse));
    const expected = new Set([...this.adjustments.keys(), ...this.openings.keys()]);
    return [
      ...levels.flatMap(({ warehouse, onHand }) => {
        const units = this.adjustments.get(warehouse)?.onHand ?? this.openings.get(warehouse);
        if (units === onHand) return [];
        return units === undefined
          ? mismatch(warehouse, `no movement explains ${onHand} on hand`, 'movement_mismatch')
          : mismatch(warehouse, `${onHand} on hand, movements add up to ${units}`);
      }),
      ...[...expected]
        .filter((code) => !stored.has(code))
        .flatMap((code) => mismatch(code, 'the stock level is missing')),
    ];
  }
}

/** Fields that a movement and its event share. */
const COMPARED_FIELDS = [
  'sku',
  'warehouse',
  'onHandDelta',
  'onHandAfter',
  'reason',
  'noteSha256',
  'actor',
  'atMs',
] as const;

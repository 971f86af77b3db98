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

/** What the log and the movements tell of one product. What it holds does not grow with their number. */
export class StockProjection {
  /** Warehouse → units before its first adjustment and after its last one. */
  private readonly adjustments = new Map<string, { openingUnits: number; onHand: number }>();
  /** Warehouse → units of its opening balance, as the movement says. */
  private readonly openings = new Map<string, number>();
  private threshold: number | null = null;
  private lowSinceMs: number | null = null;
  private crossings = 0;

  constructor(private readonly sku: string) {}

  /**
   * Holds an event against its movement.
   * @param row the movement of that id, if there is one.
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

  /** Holds an opening balance against what was there before the first adjustment. */
  checkOpening({ id, warehouse, onHandDelta, onHandAfter }: StockMovement): Finding[] {
    if (id !== openingMovementId(this.sku, warehouse))
      return [movementMismatch(id, 'it is no opening balance')];
    this.openings.set(warehouse, onHandAfter);
    const units = this.adjustments.get(warehouse)?.openingUnits ?? onHandAfter;
    if (onHandDelta === onHandAfter && onHandAfter === units) return [];
    return [movementMismatch(id, `it says ${onHandDelta} to ${onHandAfter}, the log begins at ${units}`)];
  }

  /** Holds what is stored against all that was told. */
  check({ item, levels }: StoredStock): Finding[] {
    const findings = [...this.missingOpenings(), ...this.checkLevels(levels)];
    const wrong = (detail: string) =>
      findings.push({ check: 'threshold_mismatch', subject: this.sku, detail });
    const { threshold, lowSinceMs, crossings } = this;
    if (item === undefined) {
      wrong('its row is gone: no order can be served');
      return findings;
    }
    for (const [field, told] of Object.entries({ threshold, lowSinceMs, crossings })) {
      const stored = item[field as keyof typeof item];
      if (stored !== told) wrong(`${field} is ${stored}, the log says ${told}`);
    }
    if (findings.length === 0 && detectStockAlert({ sku: this.sku, ...item, levels }) !== null) {
      wrong(
        `${sumAvailableUnits(levels)} are available at a threshold of ${threshold}, the log does not say so`,
      );
    }
    return findings;
  }

  private applyAdjustment(
    told: StockMovementPayload,
    by: { actor: string; atMs: number },
    row: StockMovement | undefined,
  ): Finding[] {
    const { movementId, warehouse, onHandDelta, onHandAfter } = told;
    const before = this.adjustments.get(warehouse);
    const openingUnits = before?.openingUnits ?? onHandAfter - onHandDelta;
    this.adjustments.set(warehouse, { openingUnits, onHand: onHandAfter });
    const findings: Finding[] = [];
    if (before !== undefined && before.onHand + onHandDelta !== onHandAfter) {
      findings.push(
        movementMismatch(movementId, `${before.onHand} and ${onHandDelta} do not make ${onHandAfter}`),
      );
    }
    if (row === undefined)
      return [...findings, movementMismatch(movementId, 'the log tells of it, it is gone')];
    const { note, ...facts } = row;
    const stored: Record<string, unknown> = { ...facts, noteSha256: hashNote(note) };
    const log: Record<string, unknown> = { ...told, ...by };
    for (const field of COMPARED_FIELDS) {
      if (stored[field] === log[field]) continue;
      findings.push(movementMismatch(movementId, `${field} is ${stored[field]}, the log says ${log[field]}`));
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
              `the log begins at ${openingUnits}, it is gone`,
            ),
          ],
    );
  }

  private checkLevels(levels: StoredStock['levels']): Finding[] {
    const wrong = (warehouse: string, detail: string, check: Finding['check'] = 'stock_mismatch') => [
      { check, subject: `${this.sku} in ${warehouse}`, detail },
    ];
    const there = new Set(levels.map(({ warehouse }) => warehouse));
    const told = new Set([...this.adjustments.keys(), ...this.openings.keys()]);
    return [
      ...levels.flatMap(({ warehouse, onHand }) => {
        const units = this.adjustments.get(warehouse)?.onHand ?? this.openings.get(warehouse);
        if (units === onHand) return [];
        return units === undefined
          ? wrong(warehouse, `no movement explains ${onHand} on hand`, 'movement_mismatch')
          : wrong(warehouse, `${onHand} on hand, its movements come to ${units}`);
      }),
      ...[...told].filter((code) => !there.has(code)).flatMap((code) => wrong(code, 'its stock is gone')),
    ];
  }
}

/** What a movement and its event both say. */
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

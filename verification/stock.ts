import { noteDigest } from '../db/inventory/stock-movements';
import type { StoredStock } from '../db/verification/audit-stock';
import type { ToldMovement } from '../domain/inventory/stock-events';
import { availableUnits, crossingOf } from '../domain/inventory/stock-item';
import type { StockMovement } from '../domain/inventory/stock-movement';
import type { CloudEvent } from '../domain/shared/events';
import { openingMovementId } from '../domain/shared/ids';
import type { Finding } from './findings';

const movement = (subject: string, detail: string): Finding => ({
  check: 'movement_mismatch',
  subject,
  detail,
});

/** What the log and the movements tell of one product. What it holds does not grow with their number. */
export class ToldStock {
  /** Warehouse → units before its first adjustment and after its last one. */
  private readonly adjusted = new Map<string, { openingUnits: number; onHand: number }>();
  /** Warehouse → units of its opening balance, as the movement says. */
  private readonly opened = new Map<string, number>();
  private threshold: number | null = null;
  private lowSinceMs: number | null = null;
  private crossings = 0;

  constructor(private readonly sku: string) {}

  /**
   * Holds an event against its movement.
   * @param row the movement of that id, if there is one.
   */
  tell({ type, data, time, actor }: CloudEvent, row: StockMovement | undefined): Finding[] {
    switch (type) {
      case 'StockAdjusted':
        return this.adjust(data as unknown as ToldMovement, { actor, atMs: Date.parse(time) }, row);
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
  open({ id, warehouse, onHandDelta, onHandAfter }: StockMovement): Finding[] {
    if (id !== openingMovementId(this.sku, warehouse)) return [movement(id, 'it is no opening balance')];
    this.opened.set(warehouse, onHandAfter);
    const units = this.adjusted.get(warehouse)?.openingUnits ?? onHandAfter;
    if (onHandDelta === onHandAfter && onHandAfter === units) return [];
    return [movement(id, `it says ${onHandDelta} to ${onHandAfter}, the log begins at ${units}`)];
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
    if (findings.length === 0 && crossingOf({ sku: this.sku, ...item, levels }) !== null) {
      wrong(
        `${availableUnits(levels)} are available at a threshold of ${threshold}, the log does not say so`,
      );
    }
    return findings;
  }

  private adjust(
    told: ToldMovement,
    by: { actor: string; atMs: number },
    row: StockMovement | undefined,
  ): Finding[] {
    const { movementId, warehouse, onHandDelta, onHandAfter } = told;
    const before = this.adjusted.get(warehouse);
    const openingUnits = before?.openingUnits ?? onHandAfter - onHandDelta;
    this.adjusted.set(warehouse, { openingUnits, onHand: onHandAfter });
    const findings: Finding[] = [];
    if (before !== undefined && before.onHand + onHandDelta !== onHandAfter) {
      findings.push(movement(movementId, `${before.onHand} and ${onHandDelta} do not make ${onHandAfter}`));
    }
    if (row === undefined) return [...findings, movement(movementId, 'the log tells of it, it is gone')];
    const { note, ...facts } = row;
    const stored: Record<string, unknown> = { ...facts, noteSha256: noteDigest(note) };
    const log: Record<string, unknown> = { ...told, ...by };
    for (const field of FACTS) {
      if (stored[field] === log[field]) continue;
      findings.push(movement(movementId, `${field} is ${stored[field]}, the log says ${log[field]}`));
    }
    return findings;
  }

  private missingOpenings(): Finding[] {
    return [...this.adjusted].flatMap(([warehouse, { openingUnits }]) =>
      openingUnits === 0 || this.opened.has(warehouse)
        ? []
        : [movement(openingMovementId(this.sku, warehouse), `the log begins at ${openingUnits}, it is gone`)],
    );
  }

  private checkLevels(levels: StoredStock['levels']): Finding[] {
    const wrong = (warehouse: string, detail: string, check: Finding['check'] = 'stock_mismatch') => [
      { check, subject: `${this.sku} in ${warehouse}`, detail },
    ];
    const there = new Set(levels.map(({ warehouse }) => warehouse));
    const told = new Set([...this.adjusted.keys(), ...this.opened.keys()]);
    return [
      ...levels.flatMap(({ warehouse, onHand }) => {
        const units = this.adjusted.get(warehouse)?.onHand ?? this.opened.get(warehouse);
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
const FACTS = [
  'sku',
  'warehouse',
  'onHandDelta',
  'onHandAfter',
  'reason',
  'noteSha256',
  'actor',
  'atMs',
] as const;

import { Op } from 'sequelize';
import type { OrderStatus } from '../../domain/orders/order';
import { OPEN_STATUSES, type ReconcileProblem } from '../../domain/orders/reconciliation';
import { minOrderIdAt } from '../../domain/shared/ids';
import { type Database, isDuplicate, type Tx } from '../core/connect';
import { select } from '../core/sql';
import type { ReconciliationFinding } from './models';

export type { ReconciliationFinding } from './models';

/** A problem found by one check of an order. */
export interface Detection extends ReconcileProblem {
  orderId: string;
  runId: string | null;
  nowMs: number;
  nextCheckMs: number;
}

export interface OpenOrderPage {
  status: OrderStatus;
  /** The last id of the previous page; '' for the first page. */
  afterId: string;
  /** Placed before, milliseconds. */
  beforeMs: number;
  rows: number;
}

export interface StoredOrderState {
  id: string;
  status: OrderStatus;
  updatedAtMs: number;
  attention: boolean;
}

/** Reads orders for reconciliation, and stores its findings. */
export interface Reconciliation {
  /** Ids of the orders in the given status, oldest first. */
  findOpenOrders(page: OpenOrderPage): Promise<string[]>;
  /** Those of `ids` with a placement whose order is open, or not stored yet. */
  findUnfinishedOrders(ids: readonly string[]): Promise<{ id: string; stored: boolean }[]>;
  /** The stored orders of these ids, all from one snapshot. */
  findOrderStates(ids: readonly string[]): Promise<Map<string, StoredOrderState>>;
  /** The unresolved findings of these orders. */
  findOpenFindings(orderIds: readonly string[]): Promise<Map<string, ReconciliationFinding>>;
  /** Orders with an unresolved finding whose next check is due, by id. */
  findDueOrders(page: { afterId: string; nowMs: number; rows: number }): Promise<string[]>;
  /** The number of restarts of an order since `sinceMs`. */
  countRestartsSince(orderId: string, sinceMs: number): Promise<number>;
  /**
   * Records the restart of an order before it happens.
   * @param before the open finding on which the decision is based. @returns false when another process was faster.
   */
  claimRestart(detection: Detection, before: ReconciliationFinding | undefined): Promise<boolean>;
  /** Records that the order requires the attention of staff. */
  flagForAttention(detection: Detection): Promise<void>;
  /** Closes a finding. @returns false when it is already closed. */
  resolve(finding: ReconciliationFinding, nowMs: number): Promise<boolean>;
}

export function createReconciliation(db: Database): Reconciliation {
  const { findings, orders } = db.models;
  const add = async (d: Detection, action: ReconciliationFinding['action'], transaction: Tx) => {
    const { orderId, code: problem, detail, runId, nowMs, nextCheckMs } = d;
    await findings.create(
      {
        orderId,
        openOrderId: orderId,
        problem,
        detail,
        action,
        runId,
        restarts: action === 'restarted' ? 1 : 0,
        firstSeenMs: nowMs,
        lastSeenMs: nowMs,
        nextCheckMs,
      },
      { transaction },
    );
  };

  const toChanges = ({ code: problem, detail, runId, nowMs, nextCheckMs }: Detection) => ({
    problem,
    detail,
    runId,
    lastSeenMs: nowMs,
    nextCheckMs,
  });

  return {
    async findOpenOrders({ status, afterId, beforeMs, rows }) {
      const where = { status, id: { [Op.gt]: afterId, [Op.lt]: minOrderIdAt(beforeMs) } };
      const open = await orders.findAll({ attributes: ['id'], where, order: ['id'], limit: rows });
      return open.map(({ id }) => id);
    },

    async findUnfinishedOrders(ids) {
      const rows = await select<{ id: string; isStored: number }>(
        db,
        `SELECT p.order_id AS id, o.id IS NOT NULL AS isStored FROM placements p LEFT JOIN orders o ON o.id = p.order_id
         WHERE p.order_id IN (:ids) AND (o.id IS NULL OR o.status IN (:open))`,
        { ids, open: OPEN_STATUSES },
      );
      return rows.map(({ id, isStored }) => ({ id, stored: Number(isStored) === 1 }));
    },

    async findOrderStates(ids) {
      const rows = await select<Omit<StoredOrderState, 'attention'> & { attention: number }>(
        db,
        `SELECT id, status, updated_at_ms AS updatedAtMs, attention IS NOT NULL AS attention FROM orders
         WHERE id IN (:ids)`,
        { ids },
      );
      return new Map(rows.map((row) => [row.id, { ...row, attention: Number(row.attention) === 1 }]));
    },

    async findOpenFindings(orderIds) {
      const rows = await findings.findAll({ where: { openOrderId: [...orderIds] } });
      return new Map(rows.map((row) => [row.orderId, row]));
    },

    async findDueOrders({ afterId, nowMs, rows }) {
      const where = { openOrderId: { [Op.gt]: afterId }, nextCheckMs: { [Op.lte]: nowMs } };
      const due = await findings.findAll({ where, order: ['openOrderId'], limit: rows });
      return due.map(({ orderId }) => orderId);
    },

    async countRestartsSince(orderId, sinceMs) {
      const [row] = await select<{ restarts: number | null }>(
        db,
        `SELECT SUM(restarts) AS restarts FROM reconciliation_findings
         WHERE order_id = :orderId AND last_seen_ms >= :sinceMs`,
        { orderId, sinceMs },
      );
      return Number(row?.restarts ?? 0);
    },

    async claimRestart(detection, before) {
      if (before === undefined) {
        try {
          await db.write((tx) => add(detection, 'restarted', tx));
          return true;
        } catch (error) {
          if (isDuplicate(error)) return false;
          throw error;
        }
      }
      const { id, restarts, nextCheckMs } = before;
      return db.write(async (transaction) => {
        const [claimed] = await findings.update(
          { ...toChanges(detection), action: 'restarted', restarts: restarts + 1 },
          { where: { id, openOrderId: detection.orderId, restarts, nextCheckMs }, transaction },
        );
        return claimed === 1;
      });
    },

    async flagForAttention(detection) {
      const changes = { ...toChanges(detection), action: 'flagged' as const };
      const where = { openOrderId: detection.orderId };
      try {
        await db.write(async (transaction) => {
          const [flagged] = await findings.update(changes, { where, transaction });
          if (flagged === 0) await add(detection, 'flagged', transaction);
        });
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
    },

    resolve: ({ id }, nowMs) =>
      db.write(async (transaction) => {
        const where = { id, openOrderId: { [Op.ne]: null } };
        const [resolved] = await findings.update(
          { openOrderId: null, resolvedMs: nowMs },
          { where, transaction },
        );
        return resolved === 1;
      }),
  };
}

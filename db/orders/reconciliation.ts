import type { OrderStatus } from '../../domain/orders/order';
import {
  OPEN_STATUSES,
  type ReconcileProblem,
  type ReconcileProblemCode,
} from '../../domain/orders/reconciliation';
import { minOrderIdAt } from '../../domain/shared/ids';
import { type Database, isDuplicate, type Tx } from '../core/connect';
import { execute, insert, limit, select } from '../core/sql';

/** One time that something was wrong with an order, and what was done about it. */
export interface ReconciliationFinding {
  id: number;
  orderId: string;
  problem: ReconcileProblemCode;
  /** For people. */
  detail: string;
  /** `restarted`: the workflow was started again. `flagged`: people have to see to it. */
  action: 'restarted' | 'flagged';
  /** The run of the workflow that was found so; null where Temporal knew none. */
  runId: string | null;
  restarts: number;
  firstSeenMs: number;
  lastSeenMs: number;
  /** Until then the order is left alone. */
  nextCheckMs: number;
  /** Null while it is wrong. */
  resolvedMs: number | null;
}

/** What was seen at one look. */
export interface Detection extends ReconcileProblem {
  orderId: string;
  runId: string | null;
  nowMs: number;
  nextCheckMs: number;
}

export interface OpenOrderPage {
  status: OrderStatus;
  /** The last id of the page before; '' at first. */
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

/** What reconciliation reads of orders, and its own findings. */
export interface Reconciliation {
  /** Ids of the orders in that state, oldest first. */
  findOpenOrders(page: OpenOrderPage): Promise<string[]>;
  /** Those of `ids` that were placed here and whose order is open, or not stored yet. */
  findUnfinishedOrders(ids: readonly string[]): Promise<{ id: string; stored: boolean }[]>;
  /** The orders of these ids as far as they are stored: one moment. */
  findOrderStates(ids: readonly string[]): Promise<Map<string, StoredOrderState>>;
  /** What is wrong at present with these orders. */
  findOpenFindings(orderIds: readonly string[]): Promise<Map<string, ReconciliationFinding>>;
  /** Orders with something wrong that are due for another look, by id. */
  findDueOrders(page: { afterId: string; nowMs: number; rows: number }): Promise<string[]>;
  /** How often an order was restarted since then. */
  countRestartsSince(orderId: string, sinceMs: number): Promise<number>;
  /**
   * Writes down that the order is about to be restarted, before it is.
   * @param before what was known when that was decided. @returns false when another one has been faster.
   */
  claimRestart(sighting: Detection, before: ReconciliationFinding | undefined): Promise<boolean>;
  /** Writes down that people have to see to it. */
  flagForAttention(sighting: Detection): Promise<void>;
  /** Nothing is wrong any more. @returns false when that was known. */
  resolve(finding: ReconciliationFinding, nowMs: number): Promise<boolean>;
}

const COLUMNS = `id, order_id AS orderId, problem, detail, action, run_id AS runId, restarts,
  first_seen_ms AS firstSeenMs, last_seen_ms AS lastSeenMs, next_check_ms AS nextCheckMs, resolved_ms AS resolvedMs`;

export function createReconciliation(db: Database): Reconciliation {
  const add = (s: Detection, action: ReconciliationFinding['action'], tx: Tx): Promise<void> =>
    insert(
      db,
      'reconciliation_findings',
      [
        {
          order_id: s.orderId,
          open_order_id: s.orderId,
          problem: s.code,
          detail: s.detail,
          action,
          run_id: s.runId,
          restarts: action === 'restarted' ? 1 : 0,
          first_seen_ms: s.nowMs,
          last_seen_ms: s.nowMs,
          next_check_ms: s.nextCheckMs,
        },
      ],
      { tx },
    );

  const SEEN = `problem = :code, detail = :detail, run_id = :runId, last_seen_ms = :nowMs, next_check_ms = :nextCheckMs`;
  const params = ({ orderId, code, detail, runId, nowMs, nextCheckMs }: Detection) => ({
    orderId,
    code,
    detail,
    runId,
    nowMs,
    nextCheckMs,
  });

  return {
    async findOpenOrders({ status, afterId, beforeMs, rows }) {
      const found = await select<{ id: string }>(
        db,
        `SELECT id FROM orders WHERE status = :status AND id > :afterId AND id < :before ORDER BY id${limit(rows)}`,
        { status, afterId, before: minOrderIdAt(beforeMs) },
      );
      return found.map(({ id }) => id);
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
      const rows = await select<ReconciliationFinding>(
        db,
        `SELECT ${COLUMNS} FROM reconciliation_findings WHERE open_order_id IN (:orderIds)`,
        { orderIds },
      );
      return new Map(rows.map((row) => [row.orderId, row]));
    },

    async findDueOrders({ afterId, nowMs, rows }) {
      const found = await select<{ id: string }>(
        db,
        `SELECT open_order_id AS id FROM reconciliation_findings
         WHERE open_order_id > :afterId AND next_check_ms <= :nowMs ORDER BY open_order_id${limit(rows)}`,
        { afterId, nowMs },
      );
      return found.map(({ id }) => id);
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

    async claimRestart(sighting, before) {
      if (before === undefined) {
        try {
          await db.write((tx) => add(sighting, 'restarted', tx));
          return true;
        } catch (error) {
          if (isDuplicate(error)) return false;
          throw error;
        }
      }
      const claimed = await db.write((tx) =>
        execute(
          db,
          `UPDATE reconciliation_findings SET ${SEEN}, action = 'restarted', restarts = restarts + 1
           WHERE id = :id AND open_order_id = :orderId AND restarts = :restarts AND next_check_ms = :due`,
          { ...params(sighting), id: before.id, restarts: before.restarts, due: before.nextCheckMs },
          tx,
        ),
      );
      return claimed === 1;
    },

    async flagForAttention(sighting) {
      const update = (tx: Tx) =>
        execute(
          db,
          `UPDATE reconciliation_findings SET ${SEEN}, action = 'flagged' WHERE open_order_id = :orderId`,
          params(sighting),
          tx,
        );
      try {
        await db.write(async (tx) => {
          if ((await update(tx)) === 0) await add(sighting, 'flagged', tx);
        });
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
    },

    async resolve({ id }, nowMs) {
      const resolved = await db.write((tx) =>
        execute(
          db,
          `UPDATE reconciliation_findings SET open_order_id = NULL, resolved_ms = :nowMs
           WHERE id = :id AND open_order_id IS NOT NULL`,
          { id, nowMs },
          tx,
        ),
      );
      return resolved === 1;
    },
  };
}

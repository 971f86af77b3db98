import type { CreationOptional, InferAttributes, Sequelize } from 'sequelize';
import type { Order, OrderLine } from '../../domain/orders/order';
import type { ReconcileProblemCode } from '../../domain/orders/reconciliation';
import { BIGINT, BOOLEAN, defineTable, JSON_TEXT, KEY, nullable, type RowModel, STRING } from '../core/table';

/** An accepted placement: the order's id and the input of its workflow. */
interface PlacementModel extends RowModel<PlacementModel> {
  orderId: string;
  /** JSON of the workflow's input. No personal data. */
  input: string;
  createdAtMs: number;
}
export type Placement = InferAttributes<PlacementModel>;

/** An order without its lines. */
export type OrderSummary = Omit<Order, 'lines'>;
interface OrderModel extends RowModel<OrderModel>, OrderSummary {}

interface OrderLineModel extends RowModel<OrderLineModel>, OrderLine {
  orderId: string;
}

/** A problem of an order and the action taken. */
interface FindingModel extends RowModel<FindingModel> {
  id: CreationOptional<number>;
  orderId: string;
  /** The order while the problem is unresolved, then null. */
  openOrderId: string | null;
  problem: ReconcileProblemCode;
  /** For staff. */
  detail: string;
  /** `restarted`: the workflow was started again. `flagged`: the order requires the attention of staff. */
  action: 'restarted' | 'flagged';
  /** The run of the workflow that had the problem; null when Temporal knew none. */
  runId: string | null;
  restarts: number;
  firstSeenMs: number;
  lastSeenMs: number;
  /** The order is not checked again before. */
  nextCheckMs: number;
  resolvedMs: CreationOptional<number | null>;
}
export type ReconciliationFinding = InferAttributes<FindingModel>;

export const defineOrderModels = (sequelize: Sequelize) => ({
  placements: defineTable<PlacementModel>(sequelize, 'placements', {
    orderId: KEY,
    input: STRING,
    createdAtMs: BIGINT,
  }),
  orders: defineTable<OrderModel>(sequelize, 'orders', {
    id: KEY,
    customerId: STRING,
    status: STRING,
    payment: STRING,
    fulfilment: STRING,
    currency: STRING,
    subtotalMinor: BIGINT,
    discountMinor: BIGINT,
    shippingMethod: STRING,
    shippingMinor: BIGINT,
    taxMinor: BIGINT,
    totalMinor: BIGINT,
    taxIncluded: BOOLEAN,
    version: BIGINT,
    placedAtMs: BIGINT,
    updatedAtMs: BIGINT,
    cancellation: nullable(JSON_TEXT),
    rejection: nullable(JSON_TEXT),
    attention: nullable(JSON_TEXT),
  }),
  orderLines: defineTable<OrderLineModel>(sequelize, 'order_lines', {
    orderId: KEY,
    line: { type: BIGINT, primaryKey: true },
    sku: STRING,
    name: STRING,
    quantity: BIGINT,
    unitPriceMinor: BIGINT,
    subtotalMinor: BIGINT,
    discountMinor: BIGINT,
    taxMinor: BIGINT,
    totalMinor: BIGINT,
  }),
  findings: defineTable<FindingModel>(sequelize, 'reconciliation_findings', {
    id: { type: BIGINT, primaryKey: true, autoIncrement: true },
    orderId: STRING,
    openOrderId: nullable(STRING),
    problem: STRING,
    detail: STRING,
    action: STRING,
    runId: nullable(STRING),
    restarts: BIGINT,
    firstSeenMs: BIGINT,
    lastSeenMs: BIGINT,
    nextCheckMs: BIGINT,
    resolvedMs: nullable(BIGINT),
  }),
});

/** Checks of `npm run verify`. Codes are stable. */
export type CheckCode =
  /** A stream of the log has an altered, deleted, inserted or truncated row, or a different head. */
  | 'chain_broken'
  /** The hash anchored in the workflow history differs from the log. */
  | 'anchor_mismatch'
  /** Events of steps in the workflow history are missing from the log. */
  | 'log_incomplete'
  /** A row of the projection differs from the log. */
  | 'projection_mismatch'
  /** The payment ledger differs from the log or from what the customer owes. */
  | 'money_mismatch'
  /** The payment provider's records differ from the ledger. */
  | 'provider_mismatch'
  /** Reservations differ from the log or contradict the order's status. */
  | 'reservation_mismatch'
  /** `reserved` is not the sum of live reservations or exceeds the stock; units on hand differ from the movements. */
  | 'stock_mismatch'
  /** A stock movement differs from the log or is missing. */
  | 'movement_mismatch'
  /** The threshold or low-stock state of a product differs from the log or from its stock. */
  | 'threshold_mismatch'
  /** A warehouse differs from the log. */
  | 'warehouse_mismatch'
  /** An open order has no running workflow. */
  | 'workflow_missing'
  /** A workflow, ledger or reservation refers to an order that does not exist. */
  | 'order_missing'
  /** An event is never published or published twice, or the feed has a gap. */
  | 'feed_mismatch';

export interface Finding {
  check: CheckCode;
  /** Id of the order, notification, product, movement, warehouse or event. */
  subject: string;
  detail: string;
}

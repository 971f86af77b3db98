/** What the audit looks for. Codes are stable. */
export type CheckCode =
  /** The log of one stream: a row altered, deleted, inserted, cut off, or another head. */
  | 'chain_broken'
  /** The workflow's history was told another hash than the log has. */
  | 'anchor_mismatch'
  /** The workflow wrote steps whose events are not in the log. */
  | 'log_incomplete'
  /** The order's row disagrees with what the log tells. */
  | 'projection_mismatch'
  /** The ledger disagrees with what the log tells, or with what the customer owes. */
  | 'money_mismatch'
  /** The payment provider's books disagree with the ledger. */
  | 'provider_mismatch'
  /** Reservations disagree with what the log tells, or with the order's state. */
  | 'reservation_mismatch'
  /** `reserved` is not the sum of live reservations, or more than is there; units on hand are not what movements come to. */
  | 'stock_mismatch'
  /** A movement of stock disagrees with what the log tells, or there is none where there must be one. */
  | 'movement_mismatch'
  /** The threshold of a product, or whether it is low, disagrees with the log or with its stock. */
  | 'threshold_mismatch'
  /** A warehouse disagrees with what the log tells. */
  | 'warehouse_mismatch'
  /** An open order without a running workflow. */
  | 'workflow_missing'
  /** A workflow, a ledger or reservations of an order that is not there. */
  | 'order_missing'
  /** An event that no subscriber will ever see or one that is published twice, or a hole in the feed. */
  | 'feed_mismatch';

export interface Finding {
  check: CheckCode;
  /** The order, notification, product, movement, warehouse or event it is about. */
  subject: string;
  detail: string;
}

import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Search attributes of an order's workflow, for filters in the Temporal Web UI. No personal data: they are not encrypted. */
export const searchAttributes = {
  status: defineSearchAttributeKey('OrderStatus', SearchAttributeType.KEYWORD),
  payment: defineSearchAttributeKey('PaymentStatus', SearchAttributeType.KEYWORD),
  customer: defineSearchAttributeKey('CustomerId', SearchAttributeType.KEYWORD),
  total: defineSearchAttributeKey('OrderTotal', SearchAttributeType.INT),
  currency: defineSearchAttributeKey('OrderCurrency', SearchAttributeType.KEYWORD),
  attention: defineSearchAttributeKey('NeedsAttention', SearchAttributeType.BOOL),
};

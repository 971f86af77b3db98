import { randomBytes } from 'node:crypto';

/** The simulator's records: an immutable snapshot per change, from which a saved response can be rebuilt. */

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'requires_capture'
  | 'canceled'
  | 'succeeded';

/** A payment method attached to one intent: Stripe creates a new one for each use of a test method. */
export interface PaymentMethodRecord {
  id: string;
  /** The test method, for example `pm_card_visa`. */
  testMethod: string;
  created: number;
}

export interface PaymentFailure {
  chargeId: string;
  method: PaymentMethodRecord;
  code: string;
  declineCode: string | null;
  message: string;
}

/** Amounts in minor units of `currency` (lower case, like Stripe's); times in Unix seconds. */
export interface IntentRecord {
  id: string;
  created: number;
  amount: number;
  currency: string;
  captureMethod: 'automatic' | 'automatic_async' | 'manual';
  automaticMethods: { allowRedirects: string } | null;
  methodTypes: string[];
  metadata: Record<string, string>;
  description: string | null;
  status: IntentStatus;
  method: PaymentMethodRecord | null;
  /** The latest charge attempt, failed or not. */
  chargeId: string | null;
  chargedAt: number | null;
  amountCaptured: number;
  amountRefunded: number;
  lastFailure: PaymentFailure | null;
  canceledAt: number | null;
  cancellationReason: string | null;
}

export interface RefundRecord {
  id: string;
  created: number;
  intentId: string;
  chargeId: string;
  amount: number;
  currency: string;
  metadata: Record<string, string>;
  reason: string | null;
}

/** The fields of Stripe's error object that the simulator fills. */
export interface ErrorFields {
  type: 'invalid_request_error' | 'card_error' | 'idempotency_error' | 'api_error';
  message: string;
  code?: string;
  param?: string;
  decline_code?: string;
  charge?: string;
}

/** The result of a request. `rejected` depends on the stored state and is as final as a success. */
export type Outcome =
  | { kind: 'intent'; intent: IntentRecord }
  | { kind: 'refund'; refund: RefundRecord; intent: IntentRecord }
  | { kind: 'rejected'; status: 400 | 402 | 500; error: ErrorFields; intent: IntentRecord | null };

export interface IdempotentRequest {
  key: string;
  /** Hash of method, path and parameters. */
  fingerprint: string;
}

/** One line of the journal: the effect, the response and the key of one request, stored atomically. */
export interface JournalEntry {
  /** Unix seconds. */
  at: number;
  requestId: string;
  request: IdempotentRequest | null;
  expandCharge: boolean;
  outcome: Outcome;
  /** The response was 500, for any outcome. */
  failed?: true;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 24;

/** A random id in Stripe's format: `pi_` and 24 letters and digits. */
export function newId(prefix: 'pi' | 'ch' | 'pm' | 're' | 'req' | 'flt'): string {
  let id = `${prefix}_`;
  for (const byte of randomBytes(ID_LENGTH)) id += ALPHABET[byte % ALPHABET.length];
  return id;
}

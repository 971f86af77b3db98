/** Types of activity failures whose words are made for whoever reads the order or the import. */
const PUBLIC_FAILURE_TYPES: ReadonlySet<string> = new Set([
  'PaymentProviderError',
  'PaymentNotSettled',
  'PaymentAttemptSealed',
  'RefundFailed',
  'ImportCorrupted',
]);

const MAX_MESSAGE_LENGTH = 200;
const INTERNAL_FAILURE_MESSAGE = 'something went wrong inside the shop';

export interface ActivityFailureInfo {
  /** Of an application failure; an error that nobody expected has its own name there. */
  type?: string | null | undefined;
  message?: string | null | undefined;
  /** It did not end in time, or its worker was lost. */
  isTimeout: boolean;
}

/**
 * What may be said of a failed activity to somebody who is not to know the inside of the shop: an error of the database
 * names hosts and statements. Engineers find the whole of it in the Web UI and the logs.
 */
export function publicFailureMessage({ type, message, isTimeout }: ActivityFailureInfo): string {
  if (isTimeout) return 'no answer in time';
  return PUBLIC_FAILURE_TYPES.has(type ?? '')
    ? (message ?? '').slice(0, MAX_MESSAGE_LENGTH)
    : INTERNAL_FAILURE_MESSAGE;
}

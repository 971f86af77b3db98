/** Types of activity failures whose messages may be shown to clients. */
const PUBLIC_FAILURE_TYPES: ReadonlySet<string> = new Set([
  'PaymentProviderError',
  'PaymentNotSettled',
  'PaymentAttemptSealed',
  'RefundFailed',
  'ImportCorrupted',
]);

const MAX_MESSAGE_LENGTH = 200;
const INTERNAL_FAILURE_MESSAGE = 'internal error';

export interface ActivityFailureInfo {
  /** Type of an application failure; the name of an unexpected error. */
  type?: string | null | undefined;
  message?: string | null | undefined;
  /** The activity timed out or its worker was lost. */
  isTimeout: boolean;
}

/**
 * Returns a message about a failed activity that is safe to show to clients: database errors name hosts and statements.
 * The full error is in the Web UI and the logs.
 */
export function publicFailureMessage({ type, message, isTimeout }: ActivityFailureInfo): string {
  if (isTimeout) return 'timed out';
  return PUBLIC_FAILURE_TYPES.has(type ?? '')
    ? (message ?? '').slice(0, MAX_MESSAGE_LENGTH)
    : INTERNAL_FAILURE_MESSAGE;
}

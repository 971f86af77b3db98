/** Types of activity failures whose words are made for whoever reads the order or the import. */
const TELLABLE: ReadonlySet<string> = new Set([
  'PaymentProviderError',
  'PaymentNotSettled',
  'PaymentTryClosed',
  'RefundFailed',
  'ImportDamaged',
]);

const MAX_LENGTH = 200;
const INTERNAL = 'something went wrong inside the shop';

export interface Cause {
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
export function tellable({ type, message, isTimeout }: Cause): string {
  if (isTimeout) return 'no answer in time';
  return TELLABLE.has(type ?? '') ? (message ?? '').slice(0, MAX_LENGTH) : INTERNAL;
}

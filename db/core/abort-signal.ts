import { AsyncLocalStorage } from 'node:async_hooks';

const abortSignals = new AsyncLocalStorage<AbortSignal>();

/** Runs `work`. Transactions still queued when `signal` is aborted do not start: the caller has timed out and retries. */
export const withAbortSignal = <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
  abortSignals.run(signal, work);

export const currentAbortSignal = (): AbortSignal | undefined => abortSignals.getStore();

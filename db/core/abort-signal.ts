import { AsyncLocalStorage } from 'node:async_hooks';

const abortSignals = new AsyncLocalStorage<AbortSignal>();

/**
 * Runs `work`; transactions that wait for their turn when `signal` is aborted are not begun any more. Who gave up tries
 * again, and what nobody waits for would only hold up the others.
 */
export const withAbortSignal = <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
  abortSignals.run(signal, work);

/** The signal of whoever waits for what is being begun. */
export const currentAbortSignal = (): AbortSignal | undefined => abortSignals.getStore();

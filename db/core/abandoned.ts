import { AsyncLocalStorage } from 'node:async_hooks';

const callers = new AsyncLocalStorage<AbortSignal>();

/**
 * Runs `work`; transactions that wait for their turn when `signal` is aborted are not begun any more. Who gave up tries
 * again, and what nobody waits for would only hold up the others.
 */
export const whileWanted = <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
  callers.run(signal, work);

/** The signal of whoever waits for what is being begun. */
export const wanted = (): AbortSignal | undefined => callers.getStore();

/** The compensations of an order's steps. Each is registered before its step runs. */
export interface Compensations {
  add(name: string, run: () => Promise<void>): void;
  /** Removes the compensation of a step that is known to have had no effect. */
  remove(name: string): void;
  /**
   * Runs all compensations to completion, in parallel: an unavailable payment provider must not delay the release of
   * stock. Each retries until it succeeds, and runs once.
   */
  compensate(): Promise<void>;
}

export function createCompensations(): Compensations {
  const registered = new Map<string, () => Promise<void>>();
  return {
    add: (name, run) => void registered.set(name, run),
    remove: (name) => void registered.delete(name),
    async compensate() {
      const runs = [...registered.values()].reverse();
      registered.clear();
      await Promise.all(runs.map((run) => run()));
    },
  };
}

/** What has to be undone if the order does not stand. Each undo is registered before the step it undoes. */
export interface Compensations {
  add(name: string, run: () => Promise<void>): void;
  /** The step is known to have done nothing, or its effect is to stay. */
  remove(name: string): void;
  /**
   * Runs every undo to its end, side by side: a payment provider that is away must not keep stock from other customers.
   * Each one retries until it succeeds, so this returns when everything is undone, once.
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

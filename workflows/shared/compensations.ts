/** What has to be undone if the order does not stand. Each undo is registered before the step it undoes. */
export interface Undo {
  add(name: string, run: () => Promise<void>): void;
  /** The step is known to have done nothing, or its effect is to stay. */
  forget(name: string): void;
  /**
   * Runs every undo to its end, side by side: a payment provider that is away must not keep stock from other customers.
   * Each one retries until it succeeds, so this returns when everything is undone, once.
   */
  all(): Promise<void>;
}

export function createUndo(): Undo {
  const registered = new Map<string, () => Promise<void>>();
  return {
    add: (name, run) => void registered.set(name, run),
    forget: (name) => void registered.delete(name),
    async all() {
      const runs = [...registered.values()].reverse();
      registered.clear();
      await Promise.all(runs.map((run) => run()));
    },
  };
}

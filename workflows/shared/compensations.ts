/** The compensations of an order's steps. Each is registered before its step runs. */
export class Compensations {
  private readonly registered = new Map<string, () => Promise<void>>();

  add(name: string, run: () => Promise<void>): void {
    this.registered.set(name, run);
  }

  /** Removes the compensation of a step that is known to have had no effect. */
  remove(name: string): void {
    this.registered.delete(name);
  }

  /**
   * Runs all compensations to completion, in parallel: an unavailable payment provider must not delay the release of
   * stock. Each retries until it succeeds, and runs once.
   */
  async compensate(): Promise<void> {
    const runs = [...this.registered.values()].reverse();
    this.registered.clear();
    await Promise.all(runs.map((run) => run()));
  }
}

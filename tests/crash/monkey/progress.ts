/** Counts placed orders: steps scheduled by this count run at the same point on every machine. */
export class Progress {
  private count = 0;
  private waiters: { n: number; resolve: () => void }[] = [];

  /** Orders that are placed or abandoned by their customers. */
  get placed(): number {
    return this.count;
  }

  advance(): void {
    this.count += 1;
    const due = this.waiters.filter(({ n }) => n <= this.count);
    this.waiters = this.waiters.filter(({ n }) => n > this.count);
    for (const { resolve } of due) resolve();
  }

  /** Resolves when the `n`-th order is placed. */
  waitForPlaced(n: number): Promise<void> {
    if (n <= this.count) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ n, resolve }));
  }
}

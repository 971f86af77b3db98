/** How far a run is. What happens by it happens at the same point of each run, however fast the machine is. */
export class Progress {
  private count = 0;
  private waiting: { n: number; go: () => void }[] = [];

  /** Orders that are placed, or given up by their customers. */
  get placed(): number {
    return this.count;
  }

  advance(): void {
    this.count += 1;
    const due = this.waiting.filter(({ n }) => n <= this.count);
    this.waiting = this.waiting.filter(({ n }) => n > this.count);
    for (const { go } of due) go();
  }

  /** Resolves when the `n`-th order is placed. */
  waitForPlaced(n: number): Promise<void> {
    if (n <= this.count) return Promise.resolve();
    return new Promise((go) => this.waiting.push({ n, go }));
  }
}

export interface Output {
  write(text: string): unknown;
}

/** Prints one line per step, with its duration. Of concurrent steps, the later ones get their line when they end. */
export class ProgressReporter {
  /** The label before the cursor. */
  private openLabel: string | null = null;
  private runningCount = 0;
  /** Incremented to silence the steps that are running. */
  private generation = 0;

  constructor(private readonly output: Output) {}

  /**
   * Runs a step and returns its value.
   * @param work receives a function that prints a detail.
   * @param result formats the value for the end of the line.
   */
  async run<T>(
    label: string,
    work: (printDetail: (text: string) => void) => Promise<T> | T,
    result: (value: T) => string = () => 'done',
  ): Promise<T> {
    const startedMs = performance.now();
    const seconds = () => `(${((performance.now() - startedMs) / 1000).toFixed(1)} s)`;
    const { generation } = this;
    if (this.runningCount === 0) {
      this.output.write(`${label} … `);
      this.openLabel = label;
    }
    this.runningCount += 1;
    const finish = (text: string) => {
      if (generation !== this.generation) return;
      this.runningCount -= 1;
      if (this.openLabel !== label) return this.print(`${label}: ${text} ${seconds()}`);
      this.output.write(`${text} ${seconds()}\n`);
      this.openLabel = null;
    };
    try {
      const value = await work((text) => {
        if (generation === this.generation) this.print(`  ${text}`);
      });
      finish(result(value));
      return value;
    } catch (error) {
      finish('failed');
      throw error;
    }
  }

  /** Silences the steps that are running. */
  mute(): void {
    this.generation += 1;
    this.runningCount = 0;
  }

  print(text: string): void {
    this.output.write(`${this.openLabel === null ? '' : '\n'}${text}\n`);
    this.openLabel = null;
  }
}

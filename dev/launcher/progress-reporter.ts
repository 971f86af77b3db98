export interface Output {
  write(text: string): unknown;
}

/** Prints one line per step, with its duration. */
export class ProgressReporter {
  /** Whether the cursor is after the label of the running step. */
  private isLineOpen = false;
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
    this.output.write(`${label} … `);
    this.isLineOpen = true;
    const { generation } = this;
    const finish = (text: string) => {
      if (generation !== this.generation) return;
      this.output.write(`${this.isLineOpen ? '' : `${label}: `}${text} ${seconds()}\n`);
      this.isLineOpen = false;
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
  }

  print(text: string): void {
    this.output.write(`${this.isLineOpen ? '\n' : ''}${text}\n`);
    this.isLineOpen = false;
  }
}

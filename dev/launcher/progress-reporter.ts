export interface Output {
  write(text: string): unknown;
}

/** Tells what is being done while it is done: one line per step, with its time. */
export class ProgressReporter {
  /** Whether the cursor stands behind the label of the step under way. */
  private isLineOpen = false;
  /** Goes up when what is under way no longer matters. */
  private generation = 0;

  constructor(private readonly output: Output) {}

  /** @returns what `work` returns; `say` tells more while it runs, `result` what came of it. */
  async run<T>(
    label: string,
    work: (say: (text: string) => void) => Promise<T> | T,
    result: (value: T) => string = () => 'done',
  ): Promise<T> {
    const startedMs = performance.now();
    const seconds = () => `(${((performance.now() - startedMs) / 1000).toFixed(1)} s)`;
    this.output.write(`${label} … `);
    this.isLineOpen = true;
    const { generation } = this;
    const end = (text: string) => {
      if (generation !== this.generation) return;
      this.output.write(`${this.isLineOpen ? '' : `${label}: `}${text} ${seconds()}\n`);
      this.isLineOpen = false;
    };
    try {
      const value = await work((text) => {
        if (generation === this.generation) this.print(`  ${text}`);
      });
      end(result(value));
      return value;
    } catch (error) {
      end('failed');
      throw error;
    }
  }

  /** Nothing more is heard of the steps under way. */
  mute(): void {
    this.generation += 1;
  }

  print(text: string): void {
    this.output.write(`${this.isLineOpen ? '\n' : ''}${text}\n`);
    this.isLineOpen = false;
  }
}

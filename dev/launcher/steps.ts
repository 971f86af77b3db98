export interface Output {
  write(text: string): unknown;
}

/** Tells what is being done while it is done: one line per step, with its time. */
export class Steps {
  /** Whether the cursor stands behind the label of the step under way. */
  private lineIsOpen = false;
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
    this.lineIsOpen = true;
    const { generation } = this;
    const end = (text: string) => {
      if (generation !== this.generation) return;
      this.output.write(`${this.lineIsOpen ? '' : `${label}: `}${text} ${seconds()}\n`);
      this.lineIsOpen = false;
    };
    try {
      const value = await work((text) => {
        if (generation === this.generation) this.say(`  ${text}`);
      });
      end(result(value));
      return value;
    } catch (error) {
      end('failed');
      throw error;
    }
  }

  /** Nothing more is heard of the steps under way. */
  abandon(): void {
    this.generation += 1;
  }

  say(text: string): void {
    this.output.write(`${this.lineIsOpen ? '\n' : ''}${text}\n`);
    this.lineIsOpen = false;
  }
}

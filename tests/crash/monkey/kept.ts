import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../../../dev/launcher/supervise';
import { eventually } from '../../harness/eventually';

export interface KeptSpec {
  name: string;
  /** @param run counts the starts, from 0. */
  launch: (run: number) => Child | Promise<Child>;
  /** Whether it does its work. */
  answers: () => Promise<boolean>;
  say: (text: string) => void;
  /** Killed when it has not answered for so long, as by a liveness probe. Left out: what hangs is a fault to be found. */
  hungAfterMs?: number;
}

const RELAUNCH_MS = 250;
const PROBE_MS = 1_000;
const READY_TIMEOUT_MS = 90_000;

/** A process that is started again whenever it ends, by itself or by a kill, as a process manager does. */
export class Kept {
  private child: Child | undefined;
  private killed: Child | undefined;
  private awayMs = RELAUNCH_MS;
  private readonly stopping = new AbortController();
  private readonly finished: Promise<unknown>;

  constructor(private readonly spec: KeptSpec) {
    this.finished = Promise.all([this.keep(), this.watch()]);
  }

  get name(): string {
    return this.spec.name;
  }

  /** Waits until it does its work, however often it is started for that. */
  async ready(): Promise<void> {
    const { name, answers } = this.spec;
    await eventually(`${name} ready`, answers, READY_TIMEOUT_MS);
  }

  /** `kill -9`. @returns whether there was something to kill. */
  kill(awayMs: number): boolean {
    const { child } = this;
    if (child === undefined || child === this.killed || child.exit() !== undefined) return false;
    this.killed = child;
    this.awayMs = awayMs;
    void child.kill();
    return true;
  }

  /** Stops the clock of the process for a while. */
  async pause(ms: number): Promise<void> {
    const { child } = this;
    if (child === undefined || !signalGroup(child, 'SIGSTOP')) return;
    await delay(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    signalGroup(child, 'SIGCONT');
  }

  /** For good: what it has promised is on disk. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.child?.kill();
    await this.finished;
  }

  private async keep(): Promise<void> {
    const { name, launch, say } = this.spec;
    const { signal } = this.stopping;
    for (let run = 0; !signal.aborted; run += 1) {
      try {
        this.child = await launch(run);
        const { code, signal: by } = await this.child.exited;
        if (!signal.aborted) say(`${name} ended: ${by ?? `exit code ${code}`}`);
      } catch (error) {
        say(`${name} did not start: ${error instanceof Error ? error.message : String(error)}`);
      }
      const { awayMs } = this;
      this.awayMs = RELAUNCH_MS;
      await delay(awayMs, undefined, { signal }).catch(() => undefined);
    }
    // Told to stop while it was starting.
    await this.child?.kill();
  }

  private async watch(): Promise<void> {
    const { name, answers, say, hungAfterMs } = this.spec;
    const { signal } = this.stopping;
    let answeredMs = performance.now();
    while (hungAfterMs !== undefined && !signal.aborted) {
      await delay(PROBE_MS, undefined, { signal }).catch(() => undefined);
      if (await answers().catch(() => false)) answeredMs = performance.now();
      if (performance.now() - answeredMs < hungAfterMs) continue;
      say(`${name} hangs`);
      this.kill(RELAUNCH_MS);
      answeredMs = performance.now();
    }
  }
}

/** @returns false when the process has ended. */
function signalGroup(child: Child, signal: NodeJS.Signals): boolean {
  if (child.exit() !== undefined) return false;
  try {
    process.kill(-child.pid, signal);
    return true;
  } catch {
    return false;
  }
}

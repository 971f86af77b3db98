import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../../../dev/launcher/supervisor';
import { eventually } from '../../harness/eventually';

export interface RestartingProcessOptions {
  name: string;
  /** @param run counts the starts, from 0. */
  launch: (run: number) => Child | Promise<Child>;
  /** Whether it does its work. */
  isHealthy: () => Promise<boolean>;
  log: (text: string) => void;
  /** Killed when it has not answered for so long, as by a liveness probe. Left out: what hangs is a fault to be found. */
  hungAfterMs?: number;
}

const RESTART_DELAY_MS = 250;
const PROBE_MS = 1_000;
const READY_TIMEOUT_MS = 90_000;

/** A process that is started again whenever it ends, by itself or by a kill, as a process manager does. */
export class RestartingProcess {
  private child: Child | undefined;
  private killedChild: Child | undefined;
  private downtimeMs = RESTART_DELAY_MS;
  private readonly stopping = new AbortController();
  private readonly finished: Promise<unknown>;

  constructor(private readonly spec: RestartingProcessOptions) {
    this.finished = Promise.all([this.supervise(), this.watchHealth()]);
  }

  get name(): string {
    return this.spec.name;
  }

  /** Waits until it does its work, however often it is started for that. */
  async waitUntilReady(): Promise<void> {
    const { name, isHealthy } = this.spec;
    await eventually(`${name} ready`, isHealthy, READY_TIMEOUT_MS);
  }

  /** `kill -9`. @returns whether there was something to kill. */
  kill(awayMs: number): boolean {
    const { child } = this;
    if (child === undefined || child === this.killedChild || child.exitStatus() !== undefined) return false;
    this.killedChild = child;
    this.downtimeMs = awayMs;
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

  private async supervise(): Promise<void> {
    const { name, launch, log } = this.spec;
    const { signal } = this.stopping;
    for (let run = 0; !signal.aborted; run += 1) {
      try {
        this.child = await launch(run);
        const { code, signal: by } = await this.child.exited;
        if (!signal.aborted) log(`${name} ended: ${by ?? `exit code ${code}`}`);
      } catch (error) {
        log(`${name} did not start: ${error instanceof Error ? error.message : String(error)}`);
      }
      const { downtimeMs } = this;
      this.downtimeMs = RESTART_DELAY_MS;
      await delay(downtimeMs, undefined, { signal }).catch(() => undefined);
    }
    // Told to stop while it was starting.
    await this.child?.kill();
  }

  private async watchHealth(): Promise<void> {
    const { name, isHealthy, log, hungAfterMs } = this.spec;
    const { signal } = this.stopping;
    let answeredMs = performance.now();
    while (hungAfterMs !== undefined && !signal.aborted) {
      await delay(PROBE_MS, undefined, { signal }).catch(() => undefined);
      if (await isHealthy().catch(() => false)) answeredMs = performance.now();
      if (performance.now() - answeredMs < hungAfterMs) continue;
      log(`${name} hangs`);
      this.kill(RESTART_DELAY_MS);
      answeredMs = performance.now();
    }
  }
}

/** @returns false when the process has ended. */
function signalGroup(child: Child, signal: NodeJS.Signals): boolean {
  if (child.exitStatus() !== undefined) return false;
  try {
    process.kill(-child.pid, signal);
    return true;
  } catch {
    return false;
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../../../dev/launcher/supervisor';
import { eventually } from '../../harness/eventually';

export interface RestartingProcessOptions {
  name: string;
  /** @param run number of the start, from 0. */
  launch: (run: number) => Child | Promise<Child>;
  isHealthy: () => Promise<boolean>;
  log: (text: string) => void;
  /** Kills the process after this time without a healthy response. Omit it to detect hangs as failures. */
  hungAfterMs?: number;
}

const RESTART_DELAY_MS = 250;
const PROBE_MS = 1_000;
const READY_TIMEOUT_MS = 90_000;

/** A process that is restarted after every exit, as by a process manager. */
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

  /** Waits until the process is healthy, across restarts. */
  async waitUntilReady(): Promise<void> {
    const { name, isHealthy } = this.spec;
    await eventually(`${name} ready`, isHealthy, READY_TIMEOUT_MS);
  }

  /** `kill -9`. @returns whether a running process was killed. */
  kill(downtimeMs: number): boolean {
    const { child } = this;
    if (child === undefined || child === this.killedChild || child.exitStatus() !== undefined) return false;
    this.killedChild = child;
    this.downtimeMs = downtimeMs;
    void child.kill();
    return true;
  }

  /** Suspends the process for `ms`. */
  async pause(ms: number): Promise<void> {
    const { child } = this;
    if (child === undefined || !signalGroup(child, 'SIGSTOP')) return;
    await delay(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    signalGroup(child, 'SIGCONT');
  }

  /** Kills the process without a restart. */
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
        const { code, signal: exitSignal } = await this.child.exited;
        if (!signal.aborted) log(`${name} exited: ${exitSignal ?? `exit code ${code}`}`);
      } catch (error) {
        log(`${name} did not start: ${error instanceof Error ? error.message : String(error)}`);
      }
      const { downtimeMs } = this;
      this.downtimeMs = RESTART_DELAY_MS;
      await delay(downtimeMs, undefined, { signal }).catch(() => undefined);
    }
    // Stopped while the process was starting.
    await this.child?.kill();
  }

  private async watchHealth(): Promise<void> {
    const { name, isHealthy, log, hungAfterMs } = this.spec;
    const { signal } = this.stopping;
    let healthyAtMs = performance.now();
    while (hungAfterMs !== undefined && !signal.aborted) {
      await delay(PROBE_MS, undefined, { signal }).catch(() => undefined);
      if (await isHealthy().catch(() => false)) healthyAtMs = performance.now();
      if (performance.now() - healthyAtMs < hungAfterMs) continue;
      log(`${name} hangs`);
      this.kill(RESTART_DELAY_MS);
      healthyAtMs = performance.now();
    }
  }
}

/** @returns false when the process has exited. */
function signalGroup(child: Child, signal: NodeJS.Signals): boolean {
  if (child.exitStatus() !== undefined) return false;
  try {
    process.kill(-child.pid, signal);
    return true;
  } catch {
    return false;
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Config, loadConfig } from '../config/config';
import { createLogger } from '../config/logging';

/** The process as its parts see it. */
export interface ProcessContext {
  readonly config: Config;
  readonly log: Logger;
  /** Aborted by SIGTERM and SIGINT: the process is no longer ready and starts no new work. */
  readonly stopSignal: AbortSignal;
  /** Registers a part to stop. Parts stop in reverse order, because later ones depend on earlier ones. */
  onStop(part: string, stop: () => Promise<unknown>): void;
  /** Exits with 1 after a permanent failure; the supervisor restarts the process. */
  fail(error: unknown, message: string): void;
}

/** Time for a part to finish its work. Work cut off then is durable and resumes later. */
export const STOP_GRACE_MS = 10_000;
/** Additional time for the part to observe its own timeout. */
const STOP_MARGIN_MS = 1_000;

/**
 * Runs `start` as a process: reads the configuration, prints a failed start as one sentence, and on SIGTERM stops the
 * parts one after the other, each within `STOP_GRACE_MS`, and exits with 0.
 * @param name identifies the process in its log.
 */
export function runProcess(name: string, start: (context: ProcessContext) => Promise<void>): void {
  try {
    runWithConfig(name, start, loadConfig());
  } catch (error) {
    exitWithError(error);
  }
}

function runWithConfig(
  name: string,
  start: (context: ProcessContext) => Promise<void>,
  config: Config,
): void {
  const log = createLogger(config.logLevel, name);
  const stopping = new AbortController();
  const parts: { name: string; stop: () => Promise<unknown> }[] = [];
  const context: ProcessContext = {
    config,
    log,
    stopSignal: stopping.signal,
    onStop: (part, stop) => parts.push({ name: part, stop }),
    fail: (error, message) => {
      log.fatal({ err: error }, message);
      // A failure during shutdown must not prevent the other parts from stopping.
      if (!stopping.signal.aborted) process.exit(1);
    },
  };

  const started = start(context).catch((error: unknown) => {
    // A start interrupted by a stop signal is no failure.
    if (!stopping.signal.aborted) exitWithError(error);
  });

  const stop = async (): Promise<void> => {
    log.info('stopping');
    stopping.abort();
    await delay(config.drainMs);
    await withStopTimeout(log, 'start', started);
    for (const part of parts.toReversed()) await withStopTimeout(log, part.name, part.stop());
    log.info('stopped');
    process.exit(0);
  };
  const onSignal = () => {
    if (!stopping.signal.aborted) stop().catch(exitWithError);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

async function withStopTimeout(log: Logger, part: string, stopped: Promise<unknown>): Promise<void> {
  const limit = new AbortController();
  const late = delay(STOP_GRACE_MS + STOP_MARGIN_MS, 'late', { signal: limit.signal }).catch(() => undefined);
  const outcome = await Promise.race([stopped, late]);
  limit.abort();
  if (outcome === 'late') {
    const reason = `still working after ${STOP_GRACE_MS / 1000} s; its work resumes later`;
    log.warn({ part, reason }, 'stopped before completion');
  }
}

function exitWithError(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

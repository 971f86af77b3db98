import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Config, loadConfig } from '../config/config';
import { createLogger } from '../config/logging';

/** What a part of a process knows of the process. */
export interface ProcessContext {
  readonly config: Config;
  readonly log: Logger;
  /** Aborted by SIGTERM and SIGINT: readiness says no from then on, and nothing new is begun. */
  readonly stopSignal: AbortSignal;
  /** What is to be stopped at the end. The last one registered is stopped first: it stands on those before it. */
  onStop(part: string, stop: () => Promise<unknown>): void;
  /** A part has failed for good: the process ends with 1, and whoever started it starts it again. */
  fail(error: unknown, what: string): void;
}

/** How long a part may take to finish what it does. What is cut off then is durable, and taken up again. */
export const STOP_GRACE_MS = 10_000;
/** On top, for the part itself to notice that its time is over. */
const STOP_MARGIN_MS = 1_000;

/**
 * Runs `start` as a process: reads the configuration, says in one sentence why it cannot start, and on SIGTERM stops all
 * parts in their turn, each within `STOP_GRACE_MS`, and ends with 0.
 * @param name of the process in its log.
 */
export function runProcess(name: string, start: (life: ProcessContext) => Promise<void>): void {
  try {
    runWithConfig(name, start, loadConfig());
  } catch (error) {
    exitWithError(error);
  }
}

function runWithConfig(name: string, start: (life: ProcessContext) => Promise<void>, config: Config): void {
  const log = createLogger(config.logLevel, name);
  const stopping = new AbortController();
  const parts: { name: string; stop: () => Promise<unknown> }[] = [];
  const life: ProcessContext = {
    config,
    log,
    stopSignal: stopping.signal,
    onStop: (part, stop) => parts.push({ name: part, stop }),
    fail: (error, what) => {
      log.fatal({ err: error }, what);
      // What fails while everything is being stopped is not to stop the rest.
      if (!stopping.signal.aborted) process.exit(1);
    },
  };

  const started = start(life).catch((error: unknown) => {
    // A start that is told to stop gives up; that is no failure.
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
    const reason = `still at work after ${STOP_GRACE_MS / 1000} s; what it did will be taken up again`;
    log.warn({ part, reason }, 'cut off');
  }
}

function exitWithError(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

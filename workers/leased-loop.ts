import type { Logger } from 'pino';
import type { Feed } from '../db/events/feed';

export interface Loop {
  /** Waits for the current run to finish. */
  stop(): Promise<void>;
}

interface LoopOptions {
  name: string;
  feed: Feed;
  log: Logger;
  /** Distinguishes this process from others that run the same loop. */
  instanceId: string;
  idleMs: number;
  /** @returns whether more work may be pending. */
  runOnce: () => Promise<boolean>;
}

const LEASE_MS = 10_000;
const MAX_PAUSE_MS = 5_000;

/** Repeats `runOnce` in the one process that holds the lease `name`; other processes stand by. */
export function startLeasedLoop({ name, feed, log, instanceId, idleMs, runOnce }: LoopOptions): Loop {
  let stopping = false;
  let wake: () => void = () => undefined;
  let leasedUntilMs = 0;
  let pauseMs = idleMs;

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const holdLease = async (): Promise<boolean> => {
    const nowMs = Date.now();
    if (nowMs < leasedUntilMs - LEASE_MS / 2) return true;
    leasedUntilMs = (await feed.acquireLease(name, instanceId, nowMs, LEASE_MS)) ? nowMs + LEASE_MS : 0;
    return leasedUntilMs > 0;
  };

  const finished = (async () => {
    while (!stopping) {
      let mayHaveMore = false;
      try {
        if (await holdLease()) mayHaveMore = await runOnce();
        pauseMs = idleMs;
      } catch (error) {
        leasedUntilMs = 0;
        pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
        log.warn({ err: error, loop: name }, 'loop run failed; it will be retried');
      }
      if (!mayHaveMore && !stopping) await pause(pauseMs);
    }
    if (leasedUntilMs > 0) await feed.releaseLease(name, instanceId).catch(() => undefined);
  })();

  return {
    async stop() {
      stopping = true;
      wake();
      await finished;
    },
  };
}

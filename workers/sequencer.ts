import type { Logger } from 'pino';
import type { Feed } from '../db/events/feed';
import { type Loop, startLeasedLoop } from './leased-loop';

const LEASE = 'sequencer';
const BATCH_SIZE = 500;
const IDLE_MS = 200;

/** Assigns committed events their position in the feed. Active in one process at a time. */
export function startSequencer(feed: Feed, log: Logger, instanceId: string): Loop {
  return startLeasedLoop({
    name: LEASE,
    feed,
    log,
    instanceId,
    idleMs: IDLE_MS,
    runOnce: async () => {
      if (!(await feed.hasUnpublishedEvents())) return false;
      const published = await feed.publishBatch(
        { name: LEASE, holder: instanceId, nowMs: Date.now() },
        BATCH_SIZE,
      );
      return published === BATCH_SIZE;
    },
  });
}

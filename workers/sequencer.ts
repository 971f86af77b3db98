import type { Logger } from 'pino';
import type { Feed } from '../db/events/feed';
import { type Loop, startLeasedLoop } from './leased-loop';

const LEASE = 'sequencer';
const BATCH_SIZE = 500;
const IDLE_MS = 200;

/** Gives committed events their position in the order of publication. One at work at a time. */
export function startSequencer(feed: Feed, log: Logger, holder: string): Loop {
  return startLeasedLoop({
    name: LEASE,
    feed,
    log,
    instanceId: holder,
    idleMs: IDLE_MS,
    runOnce: async () => {
      if (!(await feed.hasUnpublishedEvents())) return false;
      const published = await feed.publishBatch({ name: LEASE, holder, nowMs: Date.now() }, BATCH_SIZE);
      return published === BATCH_SIZE;
    },
  });
}

import type { Logger } from 'pino';
import type { Feed } from '../db/events/feed';
import { type Loop, startLeasedLoop } from './loop';

const LEASE = 'sequencer';
const BATCH = 500;
const IDLE_MS = 200;

/** Gives committed events their position in the order of publication. One at work at a time. */
export function startSequencer(feed: Feed, log: Logger, holder: string): Loop {
  return startLeasedLoop({
    name: LEASE,
    feed,
    log,
    holder,
    idleMs: IDLE_MS,
    round: async () => {
      if (!(await feed.hasUnpublished())) return false;
      const published = await feed.publish({ name: LEASE, holder, nowMs: Date.now() }, BATCH);
      return published === BATCH;
    },
  });
}

import pino from 'pino';
import type { Tx } from '../../../db/core/connect';
import type { StreamHead } from '../../../db/events/event-log';
import { createFeed, type FeedEvent } from '../../../db/events/feed';
import { eventKey } from '../../../domain/shared/ids';
import { newOrderId } from '../../../services/shared/new-ids';
import type { Loop } from '../../../workers/leased-loop';
import { startSequencer } from '../../../workers/sequencer';
import { eventually } from '../../harness/eventually';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { queryRows } from '../orders/sample-orders';

const LEASE_NAME = 'sequencer';
const silent = pino({ level: 'silent' });

describe.each(DIALECTS)('event feed on %s', (dialect) => {
  let shop: TestStore;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
  });
  afterEach(() => shop.close());

  /** Appends an event to a new stream. @returns its key. */
  async function append(tx: Tx, stream = newOrderId(Date.now())): Promise<string> {
    const key = eventKey(stream, 'created');
    const head: StreamHead = await shop.store.log.lockHead(stream, tx);
    await shop.store.log.append(
      head,
      [
        {
          key,
          type: 'OrderCreated',
          stream,
          subject: stream,
          actor: { kind: 'system' },
          atMs: Date.now(),
          data: {},
        },
      ],
      tx,
    );
    return key;
  }
  const write = () => shop.db.write((tx) => append(tx));
  const holdLease = (holder: string, nowMs = 0, forMs = 1_000) =>
    shop.store.feed.acquireLease(LEASE_NAME, holder, nowMs, forMs);
  const publish = (holder: string, nowMs = 1, batch = 500) =>
    shop.store.feed.publishBatch({ name: LEASE_NAME, holder, nowMs }, batch);
  const keysAfter = async (position: number) =>
    (await shop.store.feed.findAfter(position, 1_000)).map((e) => e.eventKey);

  test('assigns gapless positions to unpublished events, batch by batch', async () => {
    const { feed } = shop.store;
    expect(await feed.hasUnpublishedEvents()).toBe(false);
    const keys: string[] = [];
    for (let i = 0; i < 5; i += 1) keys.push(await write());
    expect(await feed.hasUnpublishedEvents()).toBe(true);
    await holdLease('a');
    expect(await publish('a', 1, 3)).toBe(3);
    expect(await publish('a', 1, 3)).toBe(2);
    expect(await publish('a', 1, 3)).toBe(0);
    expect(await feed.hasUnpublishedEvents()).toBe(false);
    const events = await feed.findAfter(0, 100);
    expect(events.map((e) => e.position)).toEqual([1, 2, 3, 4, 5]);
    expect(events.map((e) => e.eventKey)).toEqual(keys);
    expect(await keysAfter(3)).toEqual(keys.slice(3));
    expect(await feed.findAfter(0, 2)).toHaveLength(2);
  });

  test('an event whose transaction is rolled back never appears', async () => {
    const attempt = shop.db.write(async (tx) => {
      await append(tx);
      throw new Error('rolled back');
    });
    await expect(attempt).rejects.toThrow('rolled back');
    await holdLease('a');
    expect(await publish('a')).toBe(0);
    const key = await write();
    expect(await publish('a')).toBe(1);
    expect(await keysAfter(0)).toEqual([key]);
  });

  if (dialect === 'mysql') {
    test('an event with a lower id that commits last gets the last position and delays no other event', async () => {
      const { sequelize } = shop.db;
      const lateTx = await sequelize.transaction();
      let publishing: Promise<unknown> = Promise.resolve();
      const publishNow = (count: number) => {
        let published: number | undefined;
        publishing = publish('a').then((n) => {
          published = n;
        });
        return eventually(`${count} published`, () => published === count, 5_000);
      };
      let keys: { late: string; early: string; others: string[] };
      try {
        const lateKey = await append(lateTx as unknown as Tx);
        const early = await write();
        await holdLease('a');
        await publishNow(1);
        expect(await keysAfter(0)).toEqual([early]);
        const others = await Promise.all(Array.from({ length: 40 }, write));
        await publishNow(40);
        keys = { late: lateKey, early, others };
      } finally {
        await lateTx.commit();
        await publishing;
      }
      expect(await publish('a')).toBe(1);

      const events = await shop.store.feed.findAfter(0, 100);
      expect(events.map((e) => e.position)).toEqual(events.map((_, i) => i + 1));
      expect(events[0]?.eventKey).toBe(keys.early);
      expect(events.at(-1)?.eventKey).toBe(keys.late);
      expect(new Set(events.slice(1, -1).map((e) => e.eventKey))).toEqual(new Set(keys.others));
      const ids = (await queryRows(shop.db, 'SELECT event_id AS id FROM event_feed ORDER BY position')).map(
        ({ id }) => Number(id),
      );
      expect(Math.min(...ids)).toBe(ids.at(-1));
    });
  }

  test('only the holder of the lease publishes; after its expiry another instance acquires it', async () => {
    const { feed } = shop.store;
    await write();
    expect(await holdLease('a', 0)).toBe(true);
    expect(await holdLease('a', 0)).toBe(true);
    expect(await holdLease('b', 999)).toBe(false);
    expect(await publish('b', 999)).toBe(0);
    expect(await publish('unknown', 1)).toBe(0);
    expect(await publish('a', 999)).toBe(1);

    await write();
    expect(await publish('a', 1_000)).toBe(0);
    expect(await holdLease('b', 1_001)).toBe(true);
    expect(await holdLease('a', 1_002)).toBe(false);
    // The clock of the previous holder may be behind: the stored holder decides.
    expect(await publish('a', 1)).toBe(0);
    await feed.releaseLease(LEASE_NAME, 'a');
    expect(await publish('b', 1_002)).toBe(1);

    await feed.releaseLease(LEASE_NAME, 'b');
    expect(await holdLease('a', 1_003)).toBe(true);
  });

  test('of concurrent acquisitions of a free lease one succeeds', async () => {
    const holders = Array.from({ length: 10 }, (_, i) => `h${i}`);
    const acquired = await Promise.all(holders.map((holder) => holdLease(holder)));
    expect(acquired.filter(Boolean)).toHaveLength(1);
    const reacquired = await Promise.all(holders.map((holder) => holdLease(holder, 2_000)));
    expect(reacquired.filter(Boolean)).toHaveLength(1);
  });

  test('concurrent publishers assign each event one position', async () => {
    await Promise.all(Array.from({ length: 30 }, write));
    await holdLease('a');
    const published = await Promise.all(Array.from({ length: 6 }, () => publish('a', 1, 7)));
    expect(published.reduce((sum, n) => sum + n, 0)).toBe(30);
    expect((await shop.store.feed.findAfter(0, 100)).map((e) => e.position)).toEqual(
      Array.from({ length: 30 }, (_, i) => i + 1),
    );
  });

  test('a subscriber resumes from its stored position, which never decreases', async () => {
    const { feed, ...store } = shop.store;
    const advance = (name: string, to: number) => shop.db.write((tx) => feed.advancePosition(name, to, tx));
    expect(await feed.getPosition('mail')).toBe(0);
    await advance('mail', 3);
    await advance('mail', 5);
    await advance('mail', 4);
    await advance('other', 1);
    const restarted = createFeed(store.db);
    expect(await restarted.getPosition('mail')).toBe(5);
    expect(await restarted.getPosition('other')).toBe(1);
    // The position is stored in the transaction of the effect.
    const attempt = shop.db.write(async (tx) => {
      await feed.advancePosition('mail', 9, tx);
      throw new Error('rolled back');
    });
    await expect(attempt).rejects.toThrow('rolled back');
    expect(await feed.getPosition('mail')).toBe(5);
  });

  test('a reader receives every event of 20 writers once, in position order, while two sequencers run', async () => {
    const { feed } = shop.store;
    const sequencers: Loop[] = ['a', 'b'].map((holder) => startSequencer(feed, silent, holder));
    try {
      const received: FeedEvent[] = [];
      let finished = false;
      const reader = eventually('all events read', async () => {
        const events = await feed.findAfter(received.at(-1)?.position ?? 0, 7);
        received.push(...events);
        return finished && events.length === 0 && !(await feed.hasUnpublishedEvents());
      });
      const writers = Array.from({ length: 20 }, async () => {
        const keys: string[] = [];
        for (let n = 0; n < 8; n += 1) keys.push(await write());
        return keys;
      });
      const keys = (await Promise.all(writers)).flat();
      finished = true;
      await reader;
      expect(received.map((e) => e.position)).toEqual(keys.map((_, i) => i + 1));
      expect(received.map((e) => e.eventKey).sort()).toEqual(keys.sort());
    } finally {
      await Promise.all(sequencers.map((s) => s.stop()));
    }
    expect(await queryRows(shop.db, 'SELECT * FROM leases')).toEqual([]);
  });
});

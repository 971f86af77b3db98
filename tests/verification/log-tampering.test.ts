import { insert, select } from '../../db/core/sql';
import { computeLinkHash, GENESIS, type LogRow } from '../../db/events/event-log';
import { cancellationRejected } from '../../domain/orders/order-events';
import type { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import { type Tampering, testTampering } from './tampering';
import {
  describeFeedPosition,
  executeSql,
  type FindingsBySubject,
  orderFixtures,
  publishEvents,
  recomputeStreamHead,
} from './verification-fixtures';

/** `OrderCreated`, `StockReserved`, `PaymentSucceeded`, `OrderConfirmed`; the history anchors 2 and 4. */
const LAST_SEQ = 4;
const WRONG_AUDIT_KEY = Buffer.alloc(32, 99);

const alterEvent =
  (assignment: string, seq: number): Tampering =>
  async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    await executeSql(testEnv, `UPDATE events SET ${assignment} WHERE stream = :id AND seq = :seq`, {
      id,
      seq,
    });
    return { [id]: ['chain_broken'] };
  };

const alterStreamHead =
  (change: string): Tampering =>
  async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    await executeSql(testEnv, `${change} WHERE stream = :id`, { id });
    return { [id]: ['chain_broken'] };
  };

/** Publishes an event, then deletes it. */
async function deletePublishedEvent(
  testEnv: WorkflowTestEnv,
  stream: string,
  seq: number,
): Promise<FindingsBySubject> {
  await publishEvents(testEnv);
  const position = await describeFeedPosition(testEnv, stream, seq);
  await executeSql(testEnv, 'DELETE FROM events WHERE stream = :stream AND seq = :seq', { stream, seq });
  return { [position]: ['feed_mismatch'] };
}

const readStream = (testEnv: WorkflowTestEnv, stream: string): Promise<LogRow[]> =>
  select<LogRow>(
    testEnv.store.db,
    `SELECT event_key AS eventKey, seq, stream, type, topic, subject, body, hash
     FROM events WHERE stream = :stream ORDER BY seq`,
    { stream },
  );

/** Recomputes the chain with another key. */
async function rehashStream(testEnv: WorkflowTestEnv, stream: string): Promise<void> {
  let prevHash = GENESIS.hash;
  for (const { seq, body } of await readStream(testEnv, stream)) {
    const hash = computeLinkHash(WRONG_AUDIT_KEY, { stream, seq, prevHash, body });
    await executeSql(
      testEnv,
      'UPDATE events SET prev_hash = :prevHash, hash = :hash WHERE stream = :stream AND seq = :seq',
      {
        stream,
        seq,
        prevHash,
        hash,
      },
    );
    prevHash = hash;
  }
  await recomputeStreamHead(testEnv, stream);
}

testTampering({
  'the body of an event is altered': alterEvent("body = REPLACE(body, 'walnut', 'wallet')", 1),
  'the body of an event is not JSON': alterEvent("body = 'gone'", 3),
  'the body of an event is null': alterEvent("body = 'null'", 4),
  'the type of an event is altered': alterEvent("type = 'PaymentFailed'", 3),
  'the topic of an event is altered': alterEvent("topic = 'order-events'", 2),
  'the key of an event is altered': alterEvent("event_key = REPLACE(event_key, 'pay', 'buy')", 3),
  'the subject of an event is altered': alterEvent("subject = 'ord_other'", 3),

  'the last hash is recomputed with another key': async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    const row = (await readStream(testEnv, id))[LAST_SEQ - 1] as LogRow;
    const hash = computeLinkHash(WRONG_AUDIT_KEY, row);
    await executeSql(testEnv, 'UPDATE events SET hash = :hash WHERE stream = :id AND seq = :seq', {
      hash,
      id,
      seq: LAST_SEQ,
    });
    await recomputeStreamHead(testEnv, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'the chain is recomputed with another key': async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    await rehashStream(testEnv, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'an event in the middle is deleted': async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    return { ...(await deletePublishedEvent(testEnv, id, 3)), [id]: ['chain_broken'] };
  },

  'an event in the middle that the history anchors is deleted': async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    return { ...(await deletePublishedEvent(testEnv, id, 2)), [id]: ['chain_broken', 'log_incomplete'] };
  },

  'the last event is deleted': async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    return {
      ...(await deletePublishedEvent(testEnv, id, LAST_SEQ)),
      [id]: ['chain_broken', 'log_incomplete'],
    };
  },

  'the last event is deleted and the head adjusted': async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    const feed = await deletePublishedEvent(testEnv, id, LAST_SEQ);
    await recomputeStreamHead(testEnv, id);
    return { ...feed, [id]: ['log_incomplete'] };
  },

  'all events of an order and its head are deleted': async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    const feed: FindingsBySubject = {};
    for (let seq = 1; seq <= LAST_SEQ; seq += 1)
      Object.assign(feed, await deletePublishedEvent(testEnv, id, seq));
    await executeSql(testEnv, 'DELETE FROM event_streams WHERE stream = :id', { id });
    return { ...feed, [id]: ['chain_broken', 'log_incomplete'] };
  },

  'an event is inserted with a chain of another key': async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    const last = (await readStream(testEnv, id))[LAST_SEQ - 1] as LogRow;
    const link = {
      stream: id,
      seq: LAST_SEQ + 1,
      prevHash: last.hash,
      body: last.body.replace(':confirmed', ':again'),
    };
    await insertEvent(testEnv, {
      ...last,
      ...link,
      eventKey: `${id}:again`,
      hash: computeLinkHash(WRONG_AUDIT_KEY, link),
    });
    await recomputeStreamHead(testEnv, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'an event is added with the audit key, but not by the workflow': async (testEnv) => {
    const order = await orderFixtures.confirmed(testEnv);
    const { db, log } = testEnv.store;
    const request = { reason: 'none', requestedBy: { kind: 'signal' as const }, requestedAtMs: 0 };
    await db.write(async (tx) => {
      const head = await log.lockHead(order.id, tx);
      await log.append(head, [cancellationRejected(order, request, 1, 'too late')], tx);
    });
    return { [order.id]: ['anchor_mismatch'] };
  },

  'an event is duplicated': async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    const last = (await readStream(testEnv, id))[LAST_SEQ - 1] as LogRow;
    await insertEvent(testEnv, { ...last, eventKey: `${id}:twice`, seq: LAST_SEQ + 1, prevHash: last.hash });
    await recomputeStreamHead(testEnv, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'two events are swapped': async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    for (const [from, to] of [
      [2, 99],
      [3, 2],
      [99, 3],
    ] as const) {
      await executeSql(testEnv, 'UPDATE events SET seq = :to WHERE stream = :id AND seq = :from', {
        id,
        from,
        to,
      });
    }
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'an event is moved to the stream of another order': async (testEnv) => {
    const [{ id }, other] = [await orderFixtures.confirmed(testEnv), await orderFixtures.confirmed(testEnv)];
    await executeSql(
      testEnv,
      'UPDATE events SET stream = :other, seq = :seq WHERE stream = :id AND seq = 4',
      {
        id,
        other: other.id,
        seq: LAST_SEQ + 1,
      },
    );
    return { [id]: ['chain_broken', 'log_incomplete'], [other.id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'the head is deleted': alterStreamHead('DELETE FROM event_streams'),
  'the hash of the head is altered': alterStreamHead("UPDATE event_streams SET hash = 'deadbeef'"),
  'the position of the head is altered': alterStreamHead('UPDATE event_streams SET seq = seq + 1'),

  'the head of a stream without events is inserted': async (testEnv) => {
    await insert(testEnv.store.db, 'event_streams', [{ stream: 'ntf:none', seq: 1, hash: GENESIS.hash }]);
    return { 'ntf:none': ['chain_broken'] };
  },
});

async function insertEvent(testEnv: WorkflowTestEnv, row: LogRow): Promise<void> {
  await insert(testEnv.store.db, 'events', [
    {
      event_key: row.eventKey,
      stream: row.stream,
      seq: row.seq,
      type: row.type,
      topic: row.topic,
      subject: row.subject,
      body: row.body,
      prev_hash: row.prevHash,
      hash: row.hash,
    },
  ]);
}

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

/** `OrderCreated`, `StockReserved`, `PaymentSucceeded`, `OrderConfirmed`; the history was told of 2 and 4. */
const LAST_SEQ = 4;
const WRONG_AUDIT_KEY = Buffer.alloc(32, 99);

const alterEvent =
  (assignment: string, seq: number): Tampering =>
  async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    await executeSql(lab, `UPDATE events SET ${assignment} WHERE stream = :id AND seq = :seq`, { id, seq });
    return { [id]: ['chain_broken'] };
  };

const alterStreamHead =
  (change: string): Tampering =>
  async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    await executeSql(lab, `${change} WHERE stream = :id`, { id });
    return { [id]: ['chain_broken'] };
  };

/** Deletes an event that has been published. */
async function deletePublishedEvent(
  lab: WorkflowTestEnv,
  stream: string,
  seq: number,
): Promise<FindingsBySubject> {
  await publishEvents(lab);
  const position = await describeFeedPosition(lab, stream, seq);
  await executeSql(lab, 'DELETE FROM events WHERE stream = :stream AND seq = :seq', { stream, seq });
  return { [position]: ['feed_mismatch'] };
}

const readStream = (lab: WorkflowTestEnv, stream: string): Promise<LogRow[]> =>
  select<LogRow>(
    lab.store.db,
    `SELECT event_key AS eventKey, seq, stream, type, topic, subject, body, hash
     FROM events WHERE stream = :stream ORDER BY seq`,
    { stream },
  );

/** Computes the chain anew with a key of one's own. */
async function rehashStream(lab: WorkflowTestEnv, stream: string): Promise<void> {
  let prevHash = GENESIS.hash;
  for (const { seq, body } of await readStream(lab, stream)) {
    const hash = computeLinkHash(WRONG_AUDIT_KEY, { stream, seq, prevHash, body });
    await executeSql(
      lab,
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
  await recomputeStreamHead(lab, stream);
}

testTampering({
  'the body of an event is altered': alterEvent("body = REPLACE(body, 'walnut', 'wallet')", 1),
  'the body of an event is no JSON any more': alterEvent("body = 'gone'", 3),
  'the body of an event is emptied': alterEvent("body = 'null'", 4),
  'the type of an event is altered': alterEvent("type = 'PaymentFailed'", 3),
  'the topic of an event is altered': alterEvent("topic = 'order-events'", 2),
  'the key of an event is altered': alterEvent("event_key = REPLACE(event_key, 'pay', 'buy')", 3),
  'the subject of an event is altered': alterEvent("subject = 'ord_somebody_else'", 3),

  'a hash is computed anew with another key': async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    const row = (await readStream(lab, id))[LAST_SEQ - 1] as LogRow;
    const hash = computeLinkHash(WRONG_AUDIT_KEY, row);
    await executeSql(lab, 'UPDATE events SET hash = :hash WHERE stream = :id AND seq = :seq', {
      hash,
      id,
      seq: LAST_SEQ,
    });
    await recomputeStreamHead(lab, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'the whole chain is computed anew with another key': async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    await rehashStream(lab, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'an event in the middle is deleted': async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    return { ...(await deletePublishedEvent(lab, id, 3)), [id]: ['chain_broken'] };
  },

  'an event in the middle is deleted that the history was told of': async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    return { ...(await deletePublishedEvent(lab, id, 2)), [id]: ['chain_broken', 'log_incomplete'] };
  },

  'the last event is deleted': async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    return { ...(await deletePublishedEvent(lab, id, LAST_SEQ)), [id]: ['chain_broken', 'log_incomplete'] };
  },

  'the last event is deleted and the head made to fit': async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    const feed = await deletePublishedEvent(lab, id, LAST_SEQ);
    await recomputeStreamHead(lab, id);
    return { ...feed, [id]: ['log_incomplete'] };
  },

  'all events of an order and its head are deleted': async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    const feed: FindingsBySubject = {};
    for (let seq = 1; seq <= LAST_SEQ; seq += 1)
      Object.assign(feed, await deletePublishedEvent(lab, id, seq));
    await executeSql(lab, 'DELETE FROM event_streams WHERE stream = :id', { id });
    return { ...feed, [id]: ['chain_broken', 'log_incomplete'] };
  },

  'an event is inserted with a right-looking chain by another key': async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    const last = (await readStream(lab, id))[LAST_SEQ - 1] as LogRow;
    const link = {
      stream: id,
      seq: LAST_SEQ + 1,
      prevHash: last.hash,
      body: last.body.replace(':confirmed', ':again'),
    };
    await insertEvent(lab, {
      ...last,
      ...link,
      eventKey: `${id}:again`,
      hash: computeLinkHash(WRONG_AUDIT_KEY, link),
    });
    await recomputeStreamHead(lab, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'an event is added with the right key, but not by the workflow': async (lab) => {
    const order = await orderFixtures.confirmed(lab);
    const { db, log } = lab.store;
    const wish = { reason: 'none', requestedBy: { kind: 'signal' as const }, requestedAtMs: 0 };
    await db.write(async (tx) => {
      const head = await log.lockHead(order.id, tx);
      await log.append(head, [cancellationRejected(order, wish, 1, 'too late')], tx);
    });
    return { [order.id]: ['anchor_mismatch'] };
  },

  'an event is there twice': async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    const last = (await readStream(lab, id))[LAST_SEQ - 1] as LogRow;
    await insertEvent(lab, { ...last, eventKey: `${id}:twice`, seq: LAST_SEQ + 1, prevHash: last.hash });
    await recomputeStreamHead(lab, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'two events are swapped': async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    for (const [from, to] of [
      [2, 99],
      [3, 2],
      [99, 3],
    ] as const) {
      await executeSql(lab, 'UPDATE events SET seq = :to WHERE stream = :id AND seq = :from', {
        id,
        from,
        to,
      });
    }
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'an event is moved to the stream of another order': async (lab) => {
    const [{ id }, other] = [await orderFixtures.confirmed(lab), await orderFixtures.confirmed(lab)];
    await executeSql(lab, 'UPDATE events SET stream = :other, seq = :seq WHERE stream = :id AND seq = 4', {
      id,
      other: other.id,
      seq: LAST_SEQ + 1,
    });
    return { [id]: ['chain_broken', 'log_incomplete'], [other.id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'the head is deleted': alterStreamHead('DELETE FROM event_streams'),
  'the hash of the head is altered': alterStreamHead("UPDATE event_streams SET hash = 'deadbeef'"),
  'the position of the head is altered': alterStreamHead('UPDATE event_streams SET seq = seq + 1'),

  'a head is inserted of a stream that has no events': async (lab) => {
    await insert(lab.store.db, 'event_streams', [{ stream: 'ntf:none', seq: 1, hash: GENESIS.hash }]);
    return { 'ntf:none': ['chain_broken'] };
  },
});

async function insertEvent(lab: WorkflowTestEnv, row: LogRow): Promise<void> {
  await insert(lab.store.db, 'events', [
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

import { insert, select } from '../../db/core/sql';
import { GENESIS, type LogRow, linkHash } from '../../db/events/event-log';
import { cancellationRefused } from '../../domain/orders/order-events';
import type { Lab } from '../harness/workflow/lab';
import { type Damage, testDamages } from './damages';
import { type Blamed, fitHead, orders, positionOf, publish, sql } from './shop';

/** `OrderCreated`, `StockReserved`, `PaymentSucceeded`, `OrderConfirmed`; the history was told of 2 and 4. */
const LAST = 4;
const FOREIGN_KEY = Buffer.alloc(32, 99);

const altered =
  (assignment: string, seq: number): Damage =>
  async (lab) => {
    const { id } = await orders.confirmed(lab);
    await sql(lab, `UPDATE events SET ${assignment} WHERE stream = :id AND seq = :seq`, { id, seq });
    return { [id]: ['chain_broken'] };
  };

const alteredHead =
  (change: string): Damage =>
  async (lab) => {
    const { id } = await orders.confirmed(lab);
    await sql(lab, `${change} WHERE stream = :id`, { id });
    return { [id]: ['chain_broken'] };
  };

/** Deletes an event that has been published. */
async function remove(lab: Lab, stream: string, seq: number): Promise<Blamed> {
  await publish(lab);
  const position = await positionOf(lab, stream, seq);
  await sql(lab, 'DELETE FROM events WHERE stream = :stream AND seq = :seq', { stream, seq });
  return { [position]: ['feed_mismatch'] };
}

const logOf = (lab: Lab, stream: string): Promise<LogRow[]> =>
  select<LogRow>(
    lab.store.db,
    `SELECT event_key AS eventKey, seq, stream, type, topic, subject, body, hash
     FROM events WHERE stream = :stream ORDER BY seq`,
    { stream },
  );

/** Computes the chain anew with a key of one's own. */
async function forge(lab: Lab, stream: string): Promise<void> {
  let prevHash = GENESIS.hash;
  for (const { seq, body } of await logOf(lab, stream)) {
    const hash = linkHash(FOREIGN_KEY, { stream, seq, prevHash, body });
    await sql(
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
  await fitHead(lab, stream);
}

testDamages({
  'the body of an event is altered': altered("body = REPLACE(body, 'walnut', 'wallet')", 1),
  'the body of an event is no JSON any more': altered("body = 'gone'", 3),
  'the body of an event is emptied': altered("body = 'null'", 4),
  'the type of an event is altered': altered("type = 'PaymentFailed'", 3),
  'the topic of an event is altered': altered("topic = 'order-events'", 2),
  'the key of an event is altered': altered("event_key = REPLACE(event_key, 'pay', 'buy')", 3),
  'the subject of an event is altered': altered("subject = 'ord_somebody_else'", 3),

  'a hash is computed anew with another key': async (lab) => {
    const { id } = await orders.confirmed(lab);
    const row = (await logOf(lab, id))[LAST - 1] as LogRow;
    const hash = linkHash(FOREIGN_KEY, row);
    await sql(lab, 'UPDATE events SET hash = :hash WHERE stream = :id AND seq = :seq', {
      hash,
      id,
      seq: LAST,
    });
    await fitHead(lab, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'the whole chain is computed anew with another key': async (lab) => {
    const { id } = await orders.confirmed(lab);
    await forge(lab, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'an event in the middle is deleted': async (lab) => {
    const { id } = await orders.confirmed(lab);
    return { ...(await remove(lab, id, 3)), [id]: ['chain_broken'] };
  },

  'an event in the middle is deleted that the history was told of': async (lab) => {
    const { id } = await orders.confirmed(lab);
    return { ...(await remove(lab, id, 2)), [id]: ['chain_broken', 'log_incomplete'] };
  },

  'the last event is deleted': async (lab) => {
    const { id } = await orders.confirmed(lab);
    return { ...(await remove(lab, id, LAST)), [id]: ['chain_broken', 'log_incomplete'] };
  },

  'the last event is deleted and the head made to fit': async (lab) => {
    const { id } = await orders.confirmed(lab);
    const feed = await remove(lab, id, LAST);
    await fitHead(lab, id);
    return { ...feed, [id]: ['log_incomplete'] };
  },

  'all events of an order and its head are deleted': async (lab) => {
    const { id } = await orders.confirmed(lab);
    const feed: Blamed = {};
    for (let seq = 1; seq <= LAST; seq += 1) Object.assign(feed, await remove(lab, id, seq));
    await sql(lab, 'DELETE FROM event_streams WHERE stream = :id', { id });
    return { ...feed, [id]: ['chain_broken', 'log_incomplete'] };
  },

  'an event is inserted with a right-looking chain by another key': async (lab) => {
    const { id } = await orders.confirmed(lab);
    const last = (await logOf(lab, id))[LAST - 1] as LogRow;
    const link = {
      stream: id,
      seq: LAST + 1,
      prevHash: last.hash,
      body: last.body.replace(':confirmed', ':again'),
    };
    await addEvent(lab, { ...last, ...link, eventKey: `${id}:again`, hash: linkHash(FOREIGN_KEY, link) });
    await fitHead(lab, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'an event is added with the right key, but not by the workflow': async (lab) => {
    const order = await orders.confirmed(lab);
    const { db, log } = lab.store;
    const wish = { reason: 'none', requestedBy: { kind: 'signal' as const }, requestedAtMs: 0 };
    await db.write(async (tx) => {
      const head = await log.lock(order.id, tx);
      await log.append(head, [cancellationRefused(order, wish, 1, 'too late')], tx);
    });
    return { [order.id]: ['anchor_mismatch'] };
  },

  'an event is there twice': async (lab) => {
    const { id } = await orders.confirmed(lab);
    const last = (await logOf(lab, id))[LAST - 1] as LogRow;
    await addEvent(lab, { ...last, eventKey: `${id}:twice`, seq: LAST + 1, prevHash: last.hash });
    await fitHead(lab, id);
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'two events are swapped': async (lab) => {
    const { id } = await orders.confirmed(lab);
    for (const [from, to] of [
      [2, 99],
      [3, 2],
      [99, 3],
    ] as const) {
      await sql(lab, 'UPDATE events SET seq = :to WHERE stream = :id AND seq = :from', { id, from, to });
    }
    return { [id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'an event is moved to the stream of another order': async (lab) => {
    const [{ id }, other] = [await orders.confirmed(lab), await orders.confirmed(lab)];
    await sql(lab, 'UPDATE events SET stream = :other, seq = :seq WHERE stream = :id AND seq = 4', {
      id,
      other: other.id,
      seq: LAST + 1,
    });
    return { [id]: ['chain_broken', 'log_incomplete'], [other.id]: ['anchor_mismatch', 'chain_broken'] };
  },

  'the head is deleted': alteredHead('DELETE FROM event_streams'),
  'the hash of the head is altered': alteredHead("UPDATE event_streams SET hash = 'deadbeef'"),
  'the position of the head is altered': alteredHead('UPDATE event_streams SET seq = seq + 1'),

  'a head is inserted of a stream that has no events': async (lab) => {
    await insert(lab.store.db, 'event_streams', [{ stream: 'ntf:none', seq: 1, hash: GENESIS.hash }]);
    return { 'ntf:none': ['chain_broken'] };
  },
});

async function addEvent(lab: Lab, row: LogRow): Promise<void> {
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

import { createHmac } from 'node:crypto';
import { canonicalJson } from '../../domain/shared/canonical-json';
import { type DomainEvent, TOPICS, toCloudEvent } from '../../domain/shared/events';
import { groupBy } from '../../domain/shared/group-by';
import { toBatches } from '../core/batches';
import type { Database, Tx } from '../core/connect';
import { execute, forUpdate, insert, limit, select } from '../core/sql';

/** The newest link of a stream's chain. The workflow's history keeps it, so a rewritten tail is found. */
export interface StreamHead {
  seq: number;
  hash: string;
}

/** One row of the log. `body` is the exact text that `hash` covers. */
export interface LogRow {
  id: number;
  eventKey: string;
  stream: string;
  seq: number;
  type: string;
  topic: string;
  subject: string;
  body: string;
  prevHash: string;
  hash: string;
}

export const GENESIS: StreamHead = { seq: 0, hash: '0'.repeat(64) };

const COLUMNS =
  'id, event_key AS eventKey, stream, seq, type, topic, subject, body, prev_hash AS prevHash, hash';

/** The keyed hash of one link: HMAC-SHA256 over stream, position, the hash before and the stored bytes. */
export const computeLinkHash = (
  key: Buffer,
  row: Pick<LogRow, 'stream' | 'seq' | 'prevHash' | 'body'>,
): string =>
  createHmac('sha256', key)
    .update(`${row.stream}\n${row.seq}\n${row.prevHash}\n`)
    .update(row.body)
    .digest('hex');

/** The same key was used for another fact: a fault of the program, and the transaction must not commit. */
export class EventKeyConflictError extends Error {
  override readonly name = 'EventKeyConflictError';
  constructor(readonly key: string) {
    super(`event ${key} is in the log with another body`);
  }
}

export interface EventLog {
  /** Locks the head of the stream for the rest of the transaction. */
  lockHead(stream: string, tx: Tx): Promise<StreamHead>;
  /**
   * Adds events of one stream behind `head`, which `lock` returned in the same transaction.
   * @throws an error that `isDuplicate` when one of the keys is in the log already.
   */
  append(head: StreamHead, events: readonly DomainEvent[], tx: Tx): Promise<StreamHead>;
  /**
   * Adds events of many streams, each behind the head of its own. The heads are locked in the order of their names.
   * @throws an error that `isDuplicate`, as `append` does.
   */
  appendToStreams(events: readonly DomainEvent[], tx: Tx): Promise<void>;
  /** Those of `events` that the log does not have. @throws EventKeyConflictError when it has one with another body. */
  filterUnrecorded(events: readonly DomainEvent[], tx: Tx): Promise<DomainEvent[]>;
  findByKeys(keys: readonly string[], tx?: Tx): Promise<LogRow[]>;
  /** Events of one stream that come after one of them, oldest first. */
  findByStream(stream: string, page: { afterSeq: number; limit: number }): Promise<LogRow[]>;
  /**
   * What happened to an order, oldest first: at most `MAX_EVENTS_OF_ORDER`. Who looked at it is not part of that: it is
   * nobody's business but the shop's, and would crowd it out.
   */
  findByOrder(orderId: string): Promise<LogRow[]>;
}

/** An order of 30 steps writes 60 events at the most today; the bound is against a runaway. */
export const MAX_EVENTS_PER_ORDER = 2_000;

export function createEventLog(db: Database, hmacKey: Buffer): EventLog {
  const byKeys: EventLog['findByKeys'] = (keys, tx) =>
    select<LogRow>(db, `SELECT ${COLUMNS} FROM events WHERE event_key IN (:keys)`, { keys }, tx);

  return {
    findByKeys: byKeys,

    async lockHead(stream, tx) {
      const [head] = await select<StreamHead>(
        db,
        `SELECT seq, hash FROM event_streams WHERE stream = :stream${forUpdate(db)}`,
        { stream },
        tx,
      );
      return head ?? GENESIS;
    },

    async append(head, events, tx) {
      const rows = toChainedRows(hmacKey, head, events);
      const last = rows.at(-1);
      if (last === undefined) return head;
      const { stream, seq, hash } = last;
      await insert(db, 'events', rows, { tx });
      if (head.seq === 0) await insert(db, 'event_streams', [{ stream, seq, hash }], { tx });
      else {
        await execute(
          db,
          'UPDATE event_streams SET seq = :seq, hash = :hash WHERE stream = :stream',
          { stream, seq, hash },
          tx,
        );
      }
      return { seq, hash };
    },

    async appendToStreams(events, tx) {
      const streams = [...groupBy(events, (event) => event.stream)].sort(([a], [b]) => (a < b ? -1 : 1));
      const heads = new Map<string, StreamHead>();
      for (const batch of toBatches(streams.map(([stream]) => stream))) {
        const known = await select<StreamHead & { stream: string }>(
          db,
          `SELECT stream, seq, hash FROM event_streams WHERE stream IN (:batch) ORDER BY stream${forUpdate(db)}`,
          { batch },
          tx,
        );
        for (const head of known) heads.set(head.stream, head);
      }
      const linked = streams.map(([stream, of]) => toChainedRows(hmacKey, heads.get(stream) ?? GENESIS, of));
      for (const rows of toBatches(linked.flat())) await insert(db, 'events', rows, { tx });
      const next = linked.flatMap((rows) =>
        rows.slice(-1).map(({ stream, seq, hash }) => ({ stream, seq, hash })),
      );
      for (const rows of toBatches(next)) {
        await insert(db, 'event_streams', rows, { tx, orUpdate: ['seq', 'hash'] });
      }
    },

    async filterUnrecorded(events, tx) {
      const known = new Map(
        (
          await byKeys(
            events.map((e) => e.key),
            tx,
          )
        ).map((row) => [row.eventKey, row]),
      );
      return events.filter((event) => {
        const row = known.get(event.key);
        if (row === undefined) return true;
        if (!isSameEvent(row, event)) throw new EventKeyConflictError(event.key);
        return false;
      });
    },

    findByStream: (stream, { afterSeq, limit: rows }) =>
      select<LogRow>(
        db,
        `SELECT ${COLUMNS} FROM events WHERE stream = :stream AND seq > :afterSeq ORDER BY seq${limit(rows)}`,
        { stream, afterSeq },
      ),

    findByOrder: (orderId) =>
      select<LogRow>(
        db,
        `SELECT ${COLUMNS} FROM events WHERE subject = :orderId AND topic <> 'customer-events'
         ORDER BY id LIMIT ${MAX_EVENTS_PER_ORDER}`,
        { orderId },
      ),
  };
}

/** The rows of events of one stream, each linked to the one before. */
function toChainedRows(hmacKey: Buffer, head: StreamHead, events: readonly DomainEvent[]) {
  let { seq, hash } = head;
  return events.map((event) => {
    const row = {
      stream: event.stream,
      seq: seq + 1,
      prevHash: hash,
      body: JSON.stringify(toCloudEvent(event)),
    };
    seq = row.seq;
    hash = computeLinkHash(hmacKey, row);
    return {
      event_key: event.key,
      stream: event.stream,
      seq,
      type: event.type as string,
      topic: TOPICS[event.type] as string,
      subject: event.subject,
      body: row.body,
      prev_hash: row.prevHash,
      hash,
    };
  });
}

/**
 * A step that runs again tells the same fact at another time. One whose answer was lost may also start from an order that
 * had not come as far, and come to another of those who ask for a cancellation: what is stored stands, so the order that
 * an event tells of is not part of the fact.
 */
function isSameEvent(row: LogRow, event: DomainEvent): boolean {
  const { type, data } = JSON.parse(row.body, omitVolatileFields) as { type: string; data: unknown };
  const told: unknown = JSON.parse(JSON.stringify(event.data), omitVolatileFields);
  return type === event.type && canonicalJson(data) === canonicalJson(told);
}

const omitVolatileFields = (key: string, value: unknown): unknown =>
  key.endsWith('AtMs') || key === 'order' ? undefined : value;

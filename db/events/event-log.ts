import { createHmac } from 'node:crypto';
import { canonicalJson } from '../../domain/shared/canonical-json';
import { type DomainEvent, TOPICS, toCloudEvent } from '../../domain/shared/events';
import { groupBy } from '../../domain/shared/group-by';
import { toBatches } from '../core/batches';
import type { Database, Tx } from '../core/connect';
import { execute, forUpdate, insertRows, limit, selectRows } from '../core/sql';
import type { LogRow, StreamHead } from './models';

export type { LogRow, StreamHead } from './models';

export const GENESIS: StreamHead = { seq: 0, hash: '0'.repeat(64) };

/** The keyed hash of one event: HMAC-SHA256 over stream, position, previous hash and stored bytes. */
export const computeLinkHash = (
  key: Buffer,
  row: Pick<LogRow, 'stream' | 'seq' | 'prevHash' | 'body'>,
): string =>
  createHmac('sha256', key)
    .update(`${row.stream}\n${row.seq}\n${row.prevHash}\n`)
    .update(row.body)
    .digest('hex');

/** The key exists with another event: a defect, and the transaction must not commit. */
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
   * Adds events of one stream after `head`, which `lockHead` returned in the same transaction.
   * @throws an error that `isDuplicate` when one of the keys exists.
   */
  append(head: StreamHead, events: readonly DomainEvent[], tx: Tx): Promise<StreamHead>;
  /**
   * Adds events of many streams, each after the head of its stream. The heads are locked in the order of their names.
   * @throws an error that `isDuplicate` when one of the keys exists.
   */
  appendToStreams(events: readonly DomainEvent[], tx: Tx): Promise<void>;
  /** Those of `events` that are not in the log. @throws EventKeyConflictError when one is, with another body. */
  filterUnrecorded(events: readonly DomainEvent[], tx: Tx): Promise<DomainEvent[]>;
  findByKeys(keys: readonly string[], tx?: Tx): Promise<LogRow[]>;
  /** Events of one stream after `afterSeq`, oldest first. */
  findByStream(stream: string, page: { afterSeq: number; limit: number }): Promise<LogRow[]>;
  /** The events of an order, oldest first, without the records of reads: at most `MAX_EVENTS_PER_ORDER`. */
  findByOrder(orderId: string): Promise<LogRow[]>;
}

/** An order of 30 steps writes at most 60 events: this is a bound in case of a defect. */
export const MAX_EVENTS_PER_ORDER = 2_000;

export function createEventLog(db: Database, hmacKey: Buffer): EventLog {
  const { events: log, eventStreams } = db.models;
  const findByKeys: EventLog['findByKeys'] = (keys, tx) =>
    selectRows(db, log, 'WHERE event_key IN (:keys)', { keys }, tx);

  return {
    findByKeys,

    async lockHead(stream, tx) {
      const clauses = `WHERE stream = :stream${forUpdate(db)}`;
      const [head] = await selectRows(db, eventStreams, clauses, { stream }, tx);
      return head === undefined ? GENESIS : { seq: head.seq, hash: head.hash };
    },

    async append(head, events, tx) {
      const rows = toChainedRows(hmacKey, head, events);
      const last = rows.at(-1);
      if (last === undefined) return head;
      const { stream, seq, hash } = last;
      await insertRows(db, log, rows, { tx });
      if (head.seq === 0) await insertRows(db, eventStreams, [{ stream, seq, hash }], { tx });
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
        const clauses = `WHERE stream IN (:batch) ORDER BY stream${forUpdate(db)}`;
        const known = await selectRows(db, eventStreams, clauses, { batch }, tx);
        for (const head of known) heads.set(head.stream, head);
      }
      const chained = streams.map(([stream, added]) =>
        toChainedRows(hmacKey, heads.get(stream) ?? GENESIS, added),
      );
      for (const rows of toBatches(chained.flat())) await insertRows(db, log, rows, { tx });
      const next = chained.flatMap((rows) =>
        rows.slice(-1).map(({ stream, seq, hash }) => ({ stream, seq, hash })),
      );
      for (const rows of toBatches(next)) {
        await insertRows(db, eventStreams, rows, { tx, orUpdate: ['seq', 'hash'] });
      }
    },

    async filterUnrecorded(events, tx) {
      const keys = events.map(({ key }) => key);
      const known = new Map((await findByKeys(keys, tx)).map((row) => [row.eventKey, row]));
      return events.filter((event) => {
        const row = known.get(event.key);
        if (row === undefined) return true;
        if (!isSameEvent(row, event)) throw new EventKeyConflictError(event.key);
        return false;
      });
    },

    findByStream: (stream, { afterSeq, limit: rows }) =>
      selectRows(db, log, `WHERE stream = :stream AND seq > :afterSeq ORDER BY seq${limit(rows)}`, {
        stream,
        afterSeq,
      }),

    findByOrder: (orderId) =>
      selectRows(
        db,
        log,
        `WHERE subject = :orderId AND topic <> 'customer-events' ORDER BY id${limit(MAX_EVENTS_PER_ORDER)}`,
        { orderId },
      ),
  };
}

/** The rows of events of one stream, each with the hash of the previous one. */
function toChainedRows(hmacKey: Buffer, head: StreamHead, events: readonly DomainEvent[]) {
  let { seq, hash: prevHash } = head;
  return events.map((event) => {
    seq += 1;
    const { key: eventKey, stream, subject } = event;
    const body = JSON.stringify(toCloudEvent(event));
    const hash = computeLinkHash(hmacKey, { stream, seq, prevHash, body });
    const row = {
      eventKey,
      stream,
      seq,
      type: event.type,
      topic: TOPICS[event.type],
      subject,
      body,
      prevHash,
      hash,
    };
    prevHash = hash;
    return row;
  });
}

/**
 * Ignores times and the order: a retried step reports the same event at another time, and after a lost response may
 * start from an earlier order or another actor of the cancellation. The stored event stands.
 */
function isSameEvent(row: LogRow, event: DomainEvent): boolean {
  const { type, data } = JSON.parse(row.body, omitVolatileFields) as { type: string; data: unknown };
  const retried: unknown = JSON.parse(JSON.stringify(event.data), omitVolatileFields);
  return type === event.type && canonicalJson(data) === canonicalJson(retried);
}

const omitVolatileFields = (key: string, value: unknown): unknown =>
  key.endsWith('AtMs') || key === 'order' ? undefined : value;

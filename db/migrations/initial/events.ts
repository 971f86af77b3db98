import { createAppendOnlyTriggers } from '../append-only';
import type { Migration } from '../migration';

/** The event log, its order of publication, leases and subscriptions. */
export const createEventTables: Migration = async (context) => {
  const { run, type, dialect } = context;
  const { id, int, timestampMs, code } = type;

  // `body` is TEXT, not JSON: the hash covers the exact bytes, and a JSON column rewrites them.
  await run(`CREATE TABLE events (
    id ${type.autoIncrementId},
    event_key ${id} NOT NULL UNIQUE,
    stream ${id} NOT NULL,
    seq ${int} NOT NULL,
    type ${code(64)} NOT NULL,
    topic ${code(32)} NOT NULL,
    subject ${id} NOT NULL,
    body ${type.largeText} NOT NULL,
    prev_hash ${code(64)} NOT NULL,
    hash ${code(64)} NOT NULL,
    UNIQUE (stream, seq)
  )`);
  await run('CREATE INDEX events_by_subject ON events (subject, id)');

  await run(`CREATE TABLE event_streams (
    stream ${id} PRIMARY KEY,
    seq ${int} NOT NULL,
    hash ${code(64)} NOT NULL
  )`);

  // Committed events without a position. A trigger fills it, so that events of late commits are published as well.
  await run(`CREATE TABLE event_outbox (event_id ${int} PRIMARY KEY)`);
  await run(`CREATE TRIGGER events_to_outbox AFTER INSERT ON events ${dialect === 'mysql' ? 'FOR EACH ROW' : ''}
    BEGIN INSERT INTO event_outbox (event_id) VALUES (NEW.id); END`);
  await run(`CREATE TABLE event_feed (
    position ${int} PRIMARY KEY,
    event_id ${int} NOT NULL UNIQUE
  )`);

  await run(`CREATE TABLE leases (
    name ${code(64)} PRIMARY KEY,
    holder ${id} NOT NULL,
    expires_at_ms ${timestampMs} NOT NULL
  )`);
  await run(`CREATE TABLE subscriptions (
    name ${code(64)} PRIMARY KEY,
    position ${int} NOT NULL
  )`);
  await createAppendOnlyTriggers(context, 'events');
};

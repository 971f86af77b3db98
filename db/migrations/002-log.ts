import type { Migration } from './migration';

/** The event log, its order of publication, subscriptions and notifications. */
export const up: Migration = async ({ run, type, dialect }) => {
  const { id, int, timestampMs, code } = type;

  // `body` is TEXT, not JSON: the hash is over the exact bytes, and a JSON column re-writes them.
  await run(`CREATE TABLE events (
    id ${type.autoIncrementId},
    event_key ${id} NOT NULL UNIQUE,
    stream ${id} NOT NULL,
    seq ${int} NOT NULL,
    type ${code(64)} NOT NULL,
    topic ${code(32)} NOT NULL,
    order_id ${id} NOT NULL,
    body ${type.largeText} NOT NULL,
    prev_hash ${code(64)} NOT NULL,
    hash ${code(64)} NOT NULL,
    UNIQUE (stream, seq)
  )`);
  await run('CREATE INDEX events_of_order ON events (order_id, id)');

  await run(`CREATE TABLE event_streams (
    stream ${id} PRIMARY KEY,
    seq ${int} NOT NULL,
    hash ${code(64)} NOT NULL
  )`);

  // Committed events that have no position yet. Filled by a trigger, so that no writer can forget it and an event
  // whose transaction commits late is as visible as one that commits early.
  await run(`CREATE TABLE event_outbox (event_id ${int} PRIMARY KEY)`);
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

  // The recipient is the order's contact: no address is copied here.
  await run(`CREATE TABLE notifications (
    id ${id} PRIMARY KEY,
    order_id ${id} NOT NULL,
    event_key ${id} NOT NULL,
    kind ${code(32)} NOT NULL,
    channel ${code(16)} NOT NULL,
    state ${code(16)} NOT NULL,
    attempts ${int} NOT NULL DEFAULT 0,
    last_error ${code(64)} NULL,
    claimed_until_ms ${timestampMs} NULL,
    created_at_ms ${timestampMs} NOT NULL,
    sent_at_ms ${timestampMs} NULL
  )`);
  await run('CREATE INDEX notifications_of_order ON notifications (order_id, created_at_ms, id)');

  const perRow = dialect === 'mysql' ? 'FOR EACH ROW' : '';
  await run(`CREATE TRIGGER events_to_outbox AFTER INSERT ON events ${perRow}
    BEGIN INSERT INTO event_outbox (event_id) VALUES (NEW.id); END`);
  for (const table of ['events', 'payment_ledger']) {
    for (const change of ['UPDATE', 'DELETE']) {
      const refuse =
        dialect === 'mysql'
          ? `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${table} only grows'`
          : `SELECT RAISE(ABORT, '${table} only grows')`;
      await run(`CREATE TRIGGER ${table}_no_${change.toLowerCase()} BEFORE ${change} ON ${table} ${perRow}
        BEGIN ${refuse}; END`);
    }
  }
};

export const down: Migration = async ({ run }) => {
  await run('DROP TRIGGER payment_ledger_no_update');
  await run('DROP TRIGGER payment_ledger_no_delete');
  for (const table of [
    'notifications',
    'subscriptions',
    'leases',
    'event_feed',
    'event_outbox',
    'event_streams',
    'events',
  ]) {
    await run(`DROP TABLE ${table}`);
  }
};

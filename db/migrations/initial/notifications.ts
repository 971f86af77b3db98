import type { Migration } from '../migration';

export const createNotificationTables: Migration = async ({ run, type }) => {
  const { id, int, timestampMs, code } = type;

  // Without an email address: it is read from the contact when the mail is sent. `recipient` counts from 1 per event.
  await run(`CREATE TABLE notifications (
    id ${id} PRIMARY KEY,
    subject ${id} NOT NULL,
    event_key ${id} NOT NULL,
    recipient ${int} NOT NULL DEFAULT 1,
    kind ${code(32)} NOT NULL,
    channel ${code(16)} NOT NULL,
    state ${code(16)} NOT NULL,
    attempts ${int} NOT NULL DEFAULT 0,
    last_error ${code(64)} NULL,
    claimed_until_ms ${timestampMs} NULL,
    created_at_ms ${timestampMs} NOT NULL,
    sent_at_ms ${timestampMs} NULL
  )`);
  await run('CREATE INDEX notifications_by_subject ON notifications (subject, created_at_ms, id)');
};

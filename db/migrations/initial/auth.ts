import type { Migration } from '../migration';

/** Accounts, sessions, one-time links, API keys and rate limits. */
export const createAuthTables: Migration = async ({ run, type }) => {
  const { id, int, timestampMs, code, text } = type;

  // One row for each customer with a password. Guests have none.
  await run(`CREATE TABLE accounts (
    customer_id ${id} PRIMARY KEY,
    password_hash ${code(200)} NOT NULL,
    role ${code(16)} NOT NULL,
    order_updates ${code(8)} NOT NULL DEFAULT 'email',
    created_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX accounts_by_role ON accounts (role, customer_id)');

  // Registrations whose email address is not confirmed yet. Personal data: deleted when used or expired.
  await run(`CREATE TABLE pending_registrations (
    token_id ${id} PRIMARY KEY,
    email ${text(254)} NOT NULL,
    name ${text(200)} NULL,
    password_hash ${code(200)} NOT NULL,
    expires_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX pending_registrations_by_email ON pending_registrations (email, token_id)');
  await run(
    'CREATE INDEX pending_registrations_by_expiry ON pending_registrations (expires_at_ms, token_id)',
  );

  // Without the token's secret, which is derived from the id with the application's key.
  await run(`CREATE TABLE one_time_tokens (
    id ${id} PRIMARY KEY,
    purpose ${code(32)} NOT NULL,
    subject ${id} NOT NULL,
    expires_at_ms ${timestampMs} NOT NULL,
    used_at_ms ${timestampMs} NULL
  )`);
  await run('CREATE INDEX one_time_tokens_by_subject ON one_time_tokens (subject, id)');
  await run('CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at_ms, id)');

  // `generation` counts the rotations of the refresh token; only `rotated_by` may be reused, for a short grace period.
  await run(`CREATE TABLE sessions (
    id ${id} PRIMARY KEY,
    customer_id ${id} NOT NULL,
    generation ${int} NOT NULL,
    opened_at_ms ${timestampMs} NOT NULL,
    rotated_at_ms ${timestampMs} NOT NULL,
    rotated_by ${code(64)} NULL,
    expires_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX sessions_by_customer ON sessions (customer_id, id)');
  await run('CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms, id)');
  await run(`CREATE TABLE refresh_tokens (
    hash ${code(64)} PRIMARY KEY,
    session_id ${id} NOT NULL,
    generation ${int} NOT NULL
  )`);
  await run('CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id, generation)');

  // Stores a hash of the secret; the key itself is shown once, when it is created.
  await run(`CREATE TABLE api_keys (
    id ${id} PRIMARY KEY,
    name ${text(100)} NOT NULL,
    secret_hash ${code(64)} NOT NULL,
    scopes ${code(400)} NOT NULL,
    created_by ${id} NOT NULL,
    created_at_ms ${timestampMs} NOT NULL,
    expires_at_ms ${timestampMs} NULL,
    revoked_at_ms ${timestampMs} NULL
  )`);

  // The bucket is a keyed hash: it identifies no person.
  await run(`CREATE TABLE rate_limits (
    bucket ${code(64)} PRIMARY KEY,
    consumed ${int} NOT NULL,
    ends_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX rate_limits_by_window_end ON rate_limits (ends_at_ms)');
};

import type { Migration } from './migration';

/** Accounts, their sessions, and what is needed to get one. */
export const up: Migration = async ({ run, type }) => {
  const { id, int, timestampMs, code, text } = type;

  // What a customer says of themselves: personal data, so it stands beside the address of mail.
  await run(`ALTER TABLE customer_contacts ADD COLUMN name ${text(200)} NULL`);
  await run(`ALTER TABLE customer_contacts ADD COLUMN phone ${text(40)} NULL`);

  // The login of a customer whose address is confirmed. Guests have none.
  await run(`CREATE TABLE accounts (
    customer_id ${id} PRIMARY KEY,
    password_hash ${code(200)} NOT NULL,
    role ${code(16)} NOT NULL,
    order_updates ${code(8)} NOT NULL DEFAULT 'email',
    created_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX accounts_by_role ON accounts (role, customer_id)');

  // Registrations that wait for their address to be confirmed. Personal data, deleted when used or expired.
  await run(`CREATE TABLE pending_registrations (
    token_id ${id} PRIMARY KEY,
    email ${text(254)} NOT NULL,
    name ${text(200)} NULL,
    password_hash ${code(200)} NOT NULL,
    expires_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX pending_registrations_of_address ON pending_registrations (email, token_id)');
  await run('CREATE INDEX pending_registrations_expiring ON pending_registrations (expires_at_ms, token_id)');

  // The secret of a token is not here: whoever has the key derives it from the id.
  await run(`CREATE TABLE one_time_tokens (
    id ${id} PRIMARY KEY,
    purpose ${code(32)} NOT NULL,
    subject ${id} NOT NULL,
    expires_at_ms ${timestampMs} NOT NULL,
    used_at_ms ${timestampMs} NULL
  )`);
  await run('CREATE INDEX one_time_tokens_of_subject ON one_time_tokens (subject, id)');
  await run('CREATE INDEX one_time_tokens_expiring ON one_time_tokens (expires_at_ms, id)');

  // `generation` counts the rotations of the session's refresh token.
  await run(`CREATE TABLE sessions (
    id ${id} PRIMARY KEY,
    customer_id ${id} NOT NULL,
    generation ${int} NOT NULL,
    opened_at_ms ${timestampMs} NOT NULL,
    rotated_at_ms ${timestampMs} NOT NULL,
    expires_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX sessions_of_customer ON sessions (customer_id, id)');
  await run('CREATE INDEX sessions_expiring ON sessions (expires_at_ms, id)');
  await run(`CREATE TABLE refresh_tokens (
    hash ${code(64)} PRIMARY KEY,
    session_id ${id} NOT NULL,
    generation ${int} NOT NULL
  )`);
  await run('CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id, generation)');

  await run(`CREATE TABLE customer_addresses (
    id ${id} PRIMARY KEY,
    customer_id ${id} NOT NULL,
    address ${type.largeText} NOT NULL,
    default_shipping ${int} NOT NULL,
    default_billing ${int} NOT NULL,
    created_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX addresses_of_customer ON customer_addresses (customer_id, id)');
};

export const down: Migration = async ({ run }) => {
  for (const table of [
    'customer_addresses',
    'refresh_tokens',
    'sessions',
    'one_time_tokens',
    'pending_registrations',
    'accounts',
  ]) {
    await run(`DROP TABLE ${table}`);
  }
  await run('ALTER TABLE customer_contacts DROP COLUMN phone');
  await run('ALTER TABLE customer_contacts DROP COLUMN name');
};

import type { Migration } from './migration';

/** Keys of machines. The key itself is shown once and kept nowhere: what is stored tells only that it is the one. */
export const up: Migration = async ({ run, type }) => {
  const { id, text, timestampMs, code } = type;
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
};

export const down: Migration = async ({ run }) => {
  await run('DROP TABLE api_keys');
};

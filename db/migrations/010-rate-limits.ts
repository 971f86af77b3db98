import type { Migration } from './migration';

/** How much of each limit has been handed out to the API processes. The bucket is a keyed hash: it tells of nobody. */
export const up: Migration = async ({ run, type }) => {
  const { int, timestampMs, code } = type;
  await run(`CREATE TABLE rate_limits (
    bucket ${code(64)} PRIMARY KEY,
    consumed ${int} NOT NULL,
    ends_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX rate_limits_by_end ON rate_limits (ends_at_ms)');
};

export const down: Migration = async ({ run }) => {
  await run('DROP TABLE rate_limits');
};

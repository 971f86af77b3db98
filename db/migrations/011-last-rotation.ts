import type { Migration } from './migration';

/** Which refresh token made the last rotation of its session: it alone may be used again for a moment. */
export const up: Migration = async ({ run, type }) => {
  await run(`ALTER TABLE sessions ADD COLUMN rotated_by ${type.code(64)} NULL`);
};

export const down: Migration = async ({ run }) => {
  await run('ALTER TABLE sessions DROP COLUMN rotated_by');
};

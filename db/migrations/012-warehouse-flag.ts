import type { Migration } from './migration';

/** Whether a warehouse is active is said by its own row alone. */
export const up: Migration = async ({ run }) => {
  await run('ALTER TABLE stock DROP COLUMN active');
};

export const down: Migration = async ({ run, type }) => {
  await run(`ALTER TABLE stock ADD COLUMN active ${type.int} NOT NULL DEFAULT 1`);
  await run('UPDATE stock SET active = 0 WHERE warehouse IN (SELECT code FROM warehouses WHERE active = 0)');
};

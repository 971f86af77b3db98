import type { Migration } from './migration';

/** Events and notifications tell of orders, and of people and products as well. */
export const up: Migration = async ({ run }) => {
  await run('ALTER TABLE events RENAME COLUMN order_id TO subject');
  await run('ALTER TABLE notifications RENAME COLUMN order_id TO subject');
};

export const down: Migration = async ({ run }) => {
  await run('ALTER TABLE events RENAME COLUMN subject TO order_id');
  await run('ALTER TABLE notifications RENAME COLUMN subject TO order_id');
};

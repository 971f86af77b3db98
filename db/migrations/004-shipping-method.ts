import type { Migration } from './migration';

/** How an order is sent. Those of before there was a choice went the one way there was. */
export const up: Migration = async ({ run, type }) => {
  await run(`ALTER TABLE orders ADD COLUMN shipping_method ${type.code(32)} NOT NULL DEFAULT 'standard'`);
};

export const down: Migration = async ({ run }) => {
  await run('ALTER TABLE orders DROP COLUMN shipping_method');
};

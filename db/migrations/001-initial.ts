import { createAuthTables } from './initial/auth';
import { createCatalogueTables } from './initial/catalogue';
import { createCustomerTables } from './initial/customers';
import { createEventTables } from './initial/events';
import { createInventoryTables } from './initial/inventory';
import { createNotificationTables } from './initial/notifications';
import { createOrderTables } from './initial/orders';
import { createPaymentTables } from './initial/payments';
import type { Migration } from './migration';

const SUBJECTS: Migration[] = [
  createCatalogueTables,
  createInventoryTables,
  createOrderTables,
  createCustomerTables,
  createPaymentTables,
  createEventTables,
  createNotificationTables,
  createAuthTables,
];

export const up: Migration = async (context) => {
  for (const createTables of SUBJECTS) await createTables(context);
};

/** Drops the tables that `up` creates, last one first; indexes and triggers go with them. */
export const down: Migration = async (context) => {
  const tables: string[] = [];
  const collect = async (sql: string) => {
    tables.push(...(/^CREATE TABLE (\w+)/.exec(sql)?.slice(1) ?? []));
  };
  await up({ ...context, run: collect });
  for (const table of tables.toReversed()) await context.run(`DROP TABLE ${table}`);
};

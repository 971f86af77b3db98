import type { Migration } from '../migration';

/** Personal data of customers: erasure empties these tables and pending_registrations. */
export const createCustomerTables: Migration = async ({ run, type }) => {
  const { id, text, int, timestampMs, largeText } = type;

  await run(`CREATE TABLE customer_contacts (
    customer_id ${id} PRIMARY KEY,
    email ${text(254)} NULL UNIQUE,
    name ${text(200)} NULL,
    phone ${text(40)} NULL,
    created_at_ms ${timestampMs} NOT NULL,
    erased_at_ms ${timestampMs} NULL
  )`);

  await run(`CREATE TABLE order_contacts (
    order_id ${id} PRIMARY KEY,
    customer_id ${id} NOT NULL,
    email ${text(254)} NULL,
    name ${text(200)} NULL,
    phone ${text(40)} NULL,
    shipping_address ${largeText} NULL,
    erased_at_ms ${timestampMs} NULL
  )`);
  await run('CREATE INDEX order_contacts_by_customer ON order_contacts (customer_id)');

  await run(`CREATE TABLE customer_addresses (
    id ${id} PRIMARY KEY,
    customer_id ${id} NOT NULL,
    address ${largeText} NOT NULL,
    default_shipping ${int} NOT NULL,
    default_billing ${int} NOT NULL,
    created_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX customer_addresses_by_customer ON customer_addresses (customer_id, id)');
};

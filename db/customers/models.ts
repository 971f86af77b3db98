import type { CreationOptional, InferAttributes, Sequelize } from 'sequelize';
import { BIGINT, BOOLEAN, defineTable, JSON_TEXT, KEY, nullable, type RowModel, STRING } from '../core/table';

export interface Address {
  name: string;
  line1: string;
  line2?: string | undefined;
  city: string;
  region?: string | undefined;
  postalCode: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
}

/** The personal data of a customer. Fields are null when not given or erased. */
interface ProfileModel extends RowModel<ProfileModel> {
  customerId: string;
  /** Lower case. */
  email: string | null;
  name: CreationOptional<string | null>;
  phone: CreationOptional<string | null>;
  createdAtMs: number;
  erasedAtMs: CreationOptional<number | null>;
}
export type Profile = InferAttributes<ProfileModel>;

/** The personal data of an order. Fields are null once erased. */
interface OrderContactModel extends RowModel<OrderContactModel> {
  orderId: string;
  customerId: string;
  email: string | null;
  name: string | null;
  phone: string | null;
  shippingAddress: Address | null;
  erasedAtMs: CreationOptional<number | null>;
}
export type OrderContact = Omit<InferAttributes<OrderContactModel>, 'erasedAtMs'>;

/** An address in a customer's address book. */
interface CustomerAddressModel extends RowModel<CustomerAddressModel> {
  id: string;
  customerId: string;
  address: Address;
  defaultShipping: boolean;
  defaultBilling: boolean;
  createdAtMs: number;
}
export type CustomerAddress = InferAttributes<CustomerAddressModel>;

export const defineCustomerModels = (sequelize: Sequelize) => ({
  profiles: defineTable<ProfileModel>(sequelize, 'customer_contacts', {
    customerId: KEY,
    email: nullable(STRING),
    name: nullable(STRING),
    phone: nullable(STRING),
    createdAtMs: BIGINT,
    erasedAtMs: nullable(BIGINT),
  }),
  orderContacts: defineTable<OrderContactModel>(sequelize, 'order_contacts', {
    orderId: KEY,
    customerId: STRING,
    email: nullable(STRING),
    name: nullable(STRING),
    phone: nullable(STRING),
    shippingAddress: nullable(JSON_TEXT),
    erasedAtMs: nullable(BIGINT),
  }),
  addresses: defineTable<CustomerAddressModel>(sequelize, 'customer_addresses', {
    id: KEY,
    customerId: STRING,
    address: JSON_TEXT,
    defaultShipping: BOOLEAN,
    defaultBilling: BOOLEAN,
    createdAtMs: BIGINT,
  }),
});

import { ROLES } from '../../domain/shared/access';
import { Address, email, phone, singleLineText, timestamp } from '../http/field-schemas';
import { z } from '../http/openapi/zod';
import { PageQuery } from '../http/pagination';
import { Order } from '../orders/schemas';

const customerId = z.string().openapi({ example: 'cus_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' });
export const Role = z.enum(ROLES).openapi('Role');

const orderUpdates = z.enum(['email', 'none']).openapi({
  description:
    'Whether order confirmations are mailed. Mails that require an action, cancellations and mails about the account are always sent',
});

export const Me = z
  .object({
    id: customerId,
    email: z.string(),
    name: z.string().nullable(),
    phone: z.string().nullable(),
    role: Role,
    orderUpdates,
    createdAt: timestamp,
  })
  .openapi('Me');
export type Me = z.infer<typeof Me>;

export const UpdateMeRequest = z
  .strictObject({
    name: singleLineText(200).nullable().optional(),
    phone: phone.nullable().optional(),
    orderUpdates: orderUpdates.optional(),
  })
  .openapi('ChangeMe', { example: { name: 'Ada Byron', orderUpdates: 'none' } });

const ADDRESS_EXAMPLE = {
  name: 'Ada Byron',
  line1: '1 Main St',
  city: 'Berlin',
  postalCode: '10115',
  country: 'DE',
};
const makeDefault = z
  .literal(true)
  .optional()
  .openapi({ description: 'Makes this the default address instead of the current one' });
export const AddressRequest = z
  .strictObject({ ...Address.shape, defaultShipping: makeDefault, defaultBilling: makeDefault })
  .openapi('ChangeAddress', { example: { ...ADDRESS_EXAMPLE, defaultShipping: true } });

export const CustomerAddress = z
  .object({
    id: z.string().openapi({ example: 'adr_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
    ...Address.shape,
    defaultShipping: z.boolean(),
    defaultBilling: z.boolean(),
  })
  .openapi('CustomerAddress');
export type CustomerAddress = z.infer<typeof CustomerAddress>;

export const Session = z
  .object({
    id: z.string().openapi({ example: 'ses_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
    current: z.boolean().openapi({ description: 'Whether it is the session of this request' }),
    openedAt: timestamp,
    lastUsedAt: timestamp,
    expiresAt: timestamp,
  })
  .openapi('Session');
export type Session = z.infer<typeof Session>;

export const AccountEvent = z
  .object({
    at: timestamp,
    type: z.string().openapi({ example: 'SessionOpened' }),
    by: z.string().openapi({ description: 'Kind of the actor', example: 'customer' }),
    data: z
      .record(z.string(), z.unknown())
      .openapi({ description: 'Data of the event, without personal data' }),
  })
  .openapi('AccountEvent');
export type AccountEvent = z.infer<typeof AccountEvent>;

export const PersonalDataExport = z
  .object({
    exportedAt: timestamp,
    profile: Me,
    addresses: z.array(CustomerAddress),
    sessions: z.array(Session),
    orders: z.array(Order).openapi({ description: 'Accepted orders that are not decided yet come first' }),
    accountEvents: z.array(AccountEvent).openapi({ description: 'Oldest first' }),
  })
  .openapi('PersonalExport');
export type PersonalDataExport = z.infer<typeof PersonalDataExport>;

export const ErasureRequest = z
  .strictObject({ password: z.string().min(1).max(128) })
  .openapi('EraseMe', { example: { password: 'analytical engine' } });

export const ListCustomersQuery = PageQuery.extend({ email: email.optional() });

export const CustomerSummary = z
  .object({
    id: customerId,
    role: z.union([Role, z.null()]).openapi({ description: 'null for a guest without an account' }),
    createdAt: timestamp,
    erasedAt: timestamp.nullable(),
  })
  .openapi('CustomerSummary');
export type CustomerSummary = z.infer<typeof CustomerSummary>;

export const Customer = CustomerSummary.extend({
  email: z.string().nullable(),
  name: z.string().nullable(),
  phone: z.string().nullable(),
  addresses: z.array(CustomerAddress),
}).openapi('Customer');
export type Customer = z.infer<typeof Customer>;

export const ChangeRoleRequest = z
  .strictObject({ role: Role })
  .openapi('ChangeRole', { example: { role: 'support' } });

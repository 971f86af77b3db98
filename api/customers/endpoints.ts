import type { Profile } from '../../db/customers/contacts';
import { AppError } from '../../domain/shared/errors';
import { isCustomerId } from '../../domain/shared/ids';
import { changeRole } from '../../services/auth/roles';
import { eraseCustomer } from '../../services/customers/erasure';
import { recordPersonalDataRead } from '../../services/customers/personal-data-reads';
import type { ApiContext } from '../http/context';
import { ADMINS, defineEndpoint, definePolicy } from '../http/endpoint';
import { emptyResponse, jsonResponse, pageResponse } from '../http/openapi/responses';
import { z } from '../http/openapi/zod';
import { decodeCursor, toPage } from '../http/pagination';
import { ChangeRoleRequest, Customer, CustomerSummary, ListCustomersQuery } from './schemas';
import { toCustomerResponse, toCustomerSummaryResponse } from './serializers';

const READ_CUSTOMERS = definePolicy({ support: 'all', admin: 'all' }, 'customers:read');

const customerIdParam = z.object({
  id: z.string().refine(isCustomerId).openapi({ example: 'cus_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
});
const customerNotFound = (): AppError => new AppError('not_found', 'This customer does not exist.');

/** Customers as staff and machines manage them. Lists contain no personal data; every read of it is recorded. */
export const CUSTOMER_ENDPOINTS = [
  defineEndpoint({
    method: 'get',
    path: '/api/customers',
    policy: READ_CUSTOMERS,
    summary: 'List customers, or find one by email address',
    description: [
      'Returns ids, roles and dates, no personal data. With `email`, the customer with exactly this address is returned;',
      'that read is recorded in the event log, because it reveals whose address it is.',
    ].join(' '),
    tags: ['customers'],
    request: { query: ListCustomersQuery },
    responses: { 200: pageResponse(CustomerSummary) },
    async handler({ ctx, res, actor, query: { email, cursor, limit } }) {
      const { contacts } = ctx.store;
      if (email !== undefined) {
        const profile = await contacts.findProfileByEmail(email);
        if (profile !== null) await recordPersonalDataRead(ctx.auth, actor, profile.customerId);
        res.json({ data: await toSummaries(ctx, profile === null ? [] : [profile]), nextCursor: null });
        return;
      }
      const profiles = await contacts.listProfiles({
        ...(cursor === undefined ? {} : { afterId: decodeCursor(cursor, isCustomerId) }),
        limit: limit + 1,
      });
      const summaries = await toSummaries(ctx, profiles);
      res.json(
        toPage(
          summaries,
          limit,
          ({ id }) => id,
          (summary) => summary,
        ),
      );
    },
  }),

  defineEndpoint({
    method: 'get',
    path: '/api/customers/:id',
    policy: READ_CUSTOMERS,
    summary: 'Retrieve a customer',
    description: 'Every read is recorded in the event log before the response is sent.',
    tags: ['customers'],
    request: { params: customerIdParam },
    notFound: customerNotFound,
    responses: { 200: jsonResponse(Customer, 'The customer') },
    async handler({ ctx: { store, auth }, res, params, actor }) {
      const profile = await store.contacts.findProfile(params.id);
      if (profile === null) throw customerNotFound();
      const { customerId } = profile;
      await recordPersonalDataRead(auth, actor, customerId);
      const [account, addresses] = await Promise.all([
        store.accounts.find(customerId),
        store.addresses.findByCustomer(customerId),
      ]);
      res.json(toCustomerResponse(profile, account?.role ?? null, addresses));
    },
  }),

  defineEndpoint({
    method: 'put',
    path: '/api/customers/:id/role',
    policy: ADMINS,
    summary: 'Change the role of an account',
    description: 'The sessions of the account end. The last admin cannot get another role.',
    tags: ['customers'],
    request: { body: ChangeRoleRequest, params: customerIdParam },
    notFound: customerNotFound,
    responses: { 204: emptyResponse('The role was changed') },
    errors: ['last_admin'],
    async handler({ ctx, res, params, body, actor }) {
      await changeRole(ctx.auth, params.id, body.role, actor);
      res.status(204).end();
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/customers/:id/erasure',
    policy: ADMINS,
    summary: 'Erase the personal data of a customer',
    description:
      'Has the same effect as an erasure by the customer (`POST /api/me/erasure`). Erasing a customer again changes nothing.',
    tags: ['customers'],
    request: { params: customerIdParam },
    notFound: customerNotFound,
    responses: { 204: emptyResponse('The personal data was erased') },
    errors: ['orders_open', 'last_admin'],
    async handler({ ctx, res, params, actor }) {
      await eraseCustomer(ctx.auth, params.id, actor);
      res.status(204).end();
    },
  }),
];

async function toSummaries({ store }: ApiContext, profiles: Profile[]): Promise<CustomerSummary[]> {
  const roles = await store.accounts.findRoles(profiles.map((p) => p.customerId));
  return profiles.map((p) => toCustomerSummaryResponse(p, roles.get(p.customerId) ?? null));
}

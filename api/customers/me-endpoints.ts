import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AddressUse } from '../../db/customers/addresses';
import { AppError } from '../../domain/shared/errors';
import { isSessionId } from '../../domain/shared/ids';
import { verifyAccountPassword } from '../../services/auth/login';
import { revokeSession } from '../../services/auth/sessions';
import { getProfileAndAccount } from '../../services/customers/account';
import { eraseCustomer } from '../../services/customers/erasure';
import { exportPersonalData } from '../../services/customers/export-personal-data';
import {
  type AddressInput,
  addAddress,
  changeProfile,
  removeAddress,
  replaceAddress,
} from '../../services/customers/profile';
import type { OrderWithContact } from '../../services/orders/find-order';
import { requireAccount } from '../http/auth';
import type { ApiContext } from '../http/context';
import { defineEndpoint, OWN_ACCOUNT } from '../http/endpoint';
import { emptyResponse, jsonResponse } from '../http/openapi/responses';
import { z } from '../http/openapi/zod';
import { orderLinks, toOrderResponse } from '../orders/serializers';
import * as schema from './schemas';
import { streamPersonalDataExport, toAddressResponse, toMeResponse, toSessionResponse } from './serializers';

const listResponse = (item: z.ZodType, description: string) =>
  jsonResponse(z.object({ data: z.array(item) }), description);
const addressIdParam = z.object({ id: z.string().openapi({ example: 'adr_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }) });
const sessionNotFound = (): AppError => new AppError('not_found', 'This session does not exist.');

const profileEndpoints = [
  defineEndpoint({
    method: 'get',
    path: '/api/me',
    policy: OWN_ACCOUNT,
    summary: 'Retrieve your profile',
    tags: ['me'],
    responses: { 200: jsonResponse(schema.Me, 'The profile') },
    errors: ['not_found'],
    async handler({ ctx, res, access }) {
      res.json(await readProfile(ctx, requireAccount(access).customerId));
    },
  }),

  defineEndpoint({
    method: 'patch',
    path: '/api/me',
    policy: OWN_ACCOUNT,
    summary: 'Update your profile',
    description: 'Omitted fields are unchanged; `null` removes it.',
    tags: ['me'],
    request: { body: schema.UpdateMeRequest },
    responses: { 200: jsonResponse(schema.Me, 'The updated profile') },
    errors: ['not_found'],
    async handler({ ctx, res, access, body }) {
      const { customerId } = requireAccount(access);
      await changeProfile(ctx.auth, customerId, omitUndefined(body));
      res.json(await readProfile(ctx, customerId));
    },
  }),
];

const sessionEndpoints = [
  defineEndpoint({
    method: 'get',
    path: '/api/me/sessions',
    policy: OWN_ACCOUNT,
    summary: 'List your sessions',
    tags: ['me'],
    responses: { 200: listResponse(schema.Session, 'At most 50 sessions, newest first') },
    async handler({ ctx: { store, auth }, res, access }) {
      const { customerId, sessionId } = requireAccount(access);
      const sessions = await store.sessions.findByCustomer(customerId, auth.now());
      res.json({ data: sessions.map((session) => toSessionResponse(session, sessionId)) });
    },
  }),

  defineEndpoint({
    method: 'delete',
    path: '/api/me/sessions/:id',
    policy: OWN_ACCOUNT,
    summary: 'End one of your sessions',
    description: 'Its access and refresh tokens are rejected from then on.',
    tags: ['me'],
    request: {
      params: z.object({
        id: z.string().refine(isSessionId).openapi({ example: 'ses_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
      }),
    },
    notFound: sessionNotFound,
    responses: { 204: emptyResponse('Session revoked') },
    async handler({ ctx, res, access, actor, params }) {
      const { customerId } = requireAccount(access);
      const isRevoked = await revokeSession(ctx.auth, customerId, params.id, 'logout', actor);
      if (!isRevoked) throw sessionNotFound();
      res.status(204).end();
    },
  }),
];

const addressEndpoints = [
  defineEndpoint({
    method: 'get',
    path: '/api/me/addresses',
    policy: OWN_ACCOUNT,
    summary: 'List your addresses',
    tags: ['me'],
    responses: { 200: listResponse(schema.CustomerAddress, 'At most 50 addresses, oldest first') },
    async handler({ ctx, res, access }) {
      const addresses = await ctx.store.addresses.findByCustomer(requireAccount(access).customerId);
      res.json({ data: addresses.map(toAddressResponse) });
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/me/addresses',
    policy: OWN_ACCOUNT,
    summary: 'Add an address',
    description:
      'The first address becomes the default for shipping and for billing. At most 50 addresses can be stored.',
    tags: ['me'],
    request: { body: schema.AddressRequest },
    responses: { 201: jsonResponse(schema.CustomerAddress, 'The new address', 'Location') },
    errors: ['too_many_addresses'],
    async handler({ ctx, res, access, body }) {
      const address = await addAddress(ctx.auth, requireAccount(access).customerId, toAddressInput(body));
      res.status(201).set('Location', `/api/me/addresses/${address.id}`).json(toAddressResponse(address));
    },
  }),

  defineEndpoint({
    method: 'put',
    path: '/api/me/addresses/:id',
    policy: OWN_ACCOUNT,
    summary: 'Replace an address',
    tags: ['me'],
    request: { body: schema.AddressRequest, params: addressIdParam },
    responses: { 200: jsonResponse(schema.CustomerAddress, 'The replaced address') },
    errors: ['not_found'],
    async handler({ ctx, res, access, params, body }) {
      const { customerId } = requireAccount(access);
      const address = await replaceAddress(ctx.auth, customerId, params.id, toAddressInput(body));
      res.json(toAddressResponse(address));
    },
  }),

  defineEndpoint({
    method: 'delete',
    path: '/api/me/addresses/:id',
    policy: OWN_ACCOUNT,
    summary: 'Delete an address',
    description: 'If it was a default, the oldest remaining address becomes the default.',
    tags: ['me'],
    request: { params: addressIdParam },
    responses: { 204: emptyResponse('The address was deleted') },
    errors: ['not_found'],
    async handler({ ctx, res, access, params }) {
      await removeAddress(ctx.auth, requireAccount(access).customerId, params.id);
      res.status(204).end();
    },
  }),
];

const personalDataEndpoints = [
  defineEndpoint({
    method: 'get',
    path: '/api/me/export',
    policy: OWN_ACCOUNT,
    summary: 'Export your personal data',
    description: [
      'Streams profile, addresses, sessions, every order with its contact (also accepted orders that are not decided yet)',
      'and the logged events of the account as JSON. Mails are not included, because their text is not stored; the history',
      'of an order lists those that were sent. Reads by staff are not included either.',
    ].join(' '),
    tags: ['me'],
    responses: {
      200: jsonResponse(schema.PersonalDataExport, 'The personal data as a download', 'Content-Disposition'),
    },
    errors: ['not_found'],
    async handler({ ctx, res, access }) {
      const { customerId, sessionId } = requireAccount(access);
      const data = await exportPersonalData(ctx, customerId);
      const toOrder = ({ order, contact }: OrderWithContact) =>
        toOrderResponse(order, contact, orderLinks(ctx, order.id));
      res.type('json').set('Content-Disposition', 'attachment; filename="personal-data.json"');
      await pipeline(Readable.from(streamPersonalDataExport(data, sessionId, toOrder)), res);
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/me/erasure',
    policy: OWN_ACCOUNT,
    limit: 'login',
    summary: 'Erase your personal data',
    description: [
      'Requires the password. Permanently deletes the account with its sessions and addresses, and the contact data of the',
      'customer and of all their orders. The orders themselves remain without personal data. Returns 409 `orders_open`, with',
      'their ids, while orders are open. The email address can be registered again, as another customer.',
    ].join(' '),
    tags: ['me'],
    request: { body: schema.ErasureRequest },
    responses: { 204: emptyResponse('The personal data was erased') },
    errors: ['invalid_credentials', 'orders_open', 'last_admin'],
    async handler({ ctx: { store, auth }, res, access, actor, body }) {
      const { customerId } = requireAccount(access);
      await verifyAccountPassword(auth, await store.accounts.find(customerId), body.password);
      await eraseCustomer(auth, customerId, actor);
      res.status(204).end();
    },
  }),
];

/** The caller's own data. The customer id comes from the token, never from the request. */
export const ME_ENDPOINTS = [
  ...profileEndpoints,
  ...sessionEndpoints,
  ...addressEndpoints,
  ...personalDataEndpoints,
];

async function readProfile(ctx: ApiContext, customerId: string): Promise<schema.Me> {
  const { profile, account } = await getProfileAndAccount(ctx, customerId);
  return toMeResponse(profile, account);
}

/** Drops omitted fields, which stay unchanged. */
const omitUndefined = <T extends object>(body: T) =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

function toAddressInput({
  defaultShipping,
  defaultBilling,
  ...address
}: z.infer<typeof schema.AddressRequest>): AddressInput {
  const defaultFor: AddressUse[] = [];
  if (defaultShipping) defaultFor.push('shipping');
  if (defaultBilling) defaultFor.push('billing');
  return { address, defaultFor };
}

import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import * as auth from '../auth/schemas';
import {
  BODY_PROBLEMS,
  jsonRequest,
  jsonResponse,
  pageSchema,
  problemResponses,
} from '../http/openapi/responses';
import * as people from './schemas';

const idParam = (example: string) => ({ params: z.object({ id: z.string().openapi({ example }) }) });
const addressIdParam = idParam('adr_01K9Z0Q6X4J7M2V8W3Y5A1B2C3');
const customerIdParam = idParam('cus_01K9Z0Q6X4J7M2V8W3Y5A1B2C3');
const listResponse = (item: z.ZodType, description: string) =>
  jsonResponse(z.object({ data: z.array(item) }), description);

const acceptedResponse = jsonResponse(auth.Accepted, 'The same for every address');
const tokensResponse = (description: string) => jsonResponse(auth.Tokens, description);

/** Accounts and the people who have them. */
export const CUSTOMER_ROUTES: RouteConfig[] = [
  {
    method: 'post',
    path: '/api/auth/register',
    summary: 'Ask for an account',
    description:
      'A mail goes to the address; who gets it confirms. Nothing in the answer tells whether it has an account already.',
    tags: ['accounts'],
    request: jsonRequest(auth.RegistrationRequest),
    responses: { 202: acceptedResponse, ...problemResponses(...BODY_PROBLEMS) },
  },
  {
    method: 'post',
    path: '/api/auth/confirm',
    summary: 'Confirm an address: makes the account and logs in',
    description:
      'By whoever reads its mail and knows the password that was chosen. Orders placed as a guest with this address belong to the account.',
    tags: ['accounts'],
    request: jsonRequest(auth.ConfirmRegistrationRequest),
    responses: {
      200: tokensResponse('The account is there, and this is its first session'),
      ...problemResponses(
        ...BODY_PROBLEMS,
        'invalid_credentials',
        'invalid_token',
        'link_expired',
        'account_exists',
      ),
    },
  },
  {
    method: 'post',
    path: '/api/auth/login',
    summary: 'Log in',
    tags: ['accounts'],
    request: jsonRequest(auth.LoginRequest),
    responses: {
      200: tokensResponse('A new session'),
      ...problemResponses(...BODY_PROBLEMS, 'invalid_credentials', 'invalid_token'),
    },
  },
  {
    method: 'post',
    path: '/api/auth/refresh',
    summary: 'Get new tokens for a refresh token',
    description:
      'Each refresh token is good for one refresh. One that comes again ends its session, but for 10 s in which an answer that was lost can be asked for again.',
    tags: ['accounts'],
    request: jsonRequest(auth.RefreshTokensRequest),
    responses: {
      200: tokensResponse('The session goes on'),
      ...problemResponses(...BODY_PROBLEMS, 'invalid_refresh_token', 'invalid_token'),
    },
  },
  {
    method: 'post',
    path: '/api/auth/logout',
    summary: 'Log out, here or everywhere',
    description:
      'Ends the session of the refresh token, or else that of the access token. Says nothing of whether the token was one.',
    tags: ['accounts'],
    request: jsonRequest(auth.LogoutRequest),
    responses: {
      204: { description: 'The session has ended' },
      ...problemResponses(...BODY_PROBLEMS, 'unauthenticated', 'invalid_token'),
    },
  },
  {
    method: 'post',
    path: '/api/auth/password-reset',
    summary: 'Ask for a new password',
    tags: ['accounts'],
    request: jsonRequest(auth.PasswordResetRequest),
    responses: { 202: acceptedResponse, ...problemResponses(...BODY_PROBLEMS) },
  },
  {
    method: 'post',
    path: '/api/auth/password-reset/confirm',
    summary: 'Set a new password by the link of the mail',
    description: 'Ends all sessions.',
    tags: ['accounts'],
    request: jsonRequest(auth.ConfirmPasswordResetRequest),
    responses: { 204: { description: 'Set' }, ...problemResponses(...BODY_PROBLEMS, 'link_expired') },
  },
  {
    method: 'post',
    path: '/api/auth/password',
    summary: 'Change the password',
    description: 'Ends all other sessions.',
    tags: ['accounts'],
    request: jsonRequest(auth.ChangePasswordRequest),
    responses: {
      204: { description: 'Changed' },
      ...problemResponses(...BODY_PROBLEMS, 'invalid_credentials', 'unauthenticated', 'invalid_token'),
    },
  },
  {
    method: 'get',
    path: '/.well-known/jwks.json',
    summary: 'The public keys of access tokens',
    tags: ['accounts'],
    responses: { 200: jsonResponse(auth.Jwks, 'All that verify now, the signing one first') },
  },
  {
    method: 'get',
    path: '/api/me',
    summary: 'Read your profile',
    tags: ['me'],
    responses: {
      200: jsonResponse(people.Me, 'The profile'),
      ...problemResponses('not_found', 'service_unavailable'),
    },
  },
  {
    method: 'patch',
    path: '/api/me',
    summary: 'Change your profile',
    description: 'What is left out stays; null empties.',
    tags: ['me'],
    request: jsonRequest(people.UpdateMeRequest),
    responses: {
      200: jsonResponse(people.Me, 'As it is now'),
      ...problemResponses(...BODY_PROBLEMS, 'not_found'),
    },
  },
  {
    method: 'get',
    path: '/api/me/sessions',
    summary: 'Where you are logged in',
    tags: ['me'],
    responses: {
      200: listResponse(people.Session, 'Newest first, 50 at the most'),
      ...problemResponses('service_unavailable'),
    },
  },
  {
    method: 'delete',
    path: '/api/me/sessions/{id}',
    summary: 'Log out there',
    tags: ['me'],
    request: idParam('ses_01K9Z0Q6X4J7M2V8W3Y5A1B2C3'),
    responses: { 204: { description: 'Ended' }, ...problemResponses('not_found', 'service_unavailable') },
  },
  {
    method: 'get',
    path: '/api/me/addresses',
    summary: 'List your addresses',
    tags: ['me'],
    responses: {
      200: listResponse(people.CustomerAddress, 'Oldest first, 50 at the most'),
      ...problemResponses('service_unavailable'),
    },
  },
  {
    method: 'post',
    path: '/api/me/addresses',
    summary: 'Add an address',
    description: 'The first one is the default for shipping and for billing.',
    tags: ['me'],
    request: jsonRequest(people.AddressRequest),
    responses: {
      201: jsonResponse(people.CustomerAddress, 'Added', 'Location'),
      ...problemResponses(...BODY_PROBLEMS, 'too_many_addresses'),
    },
  },
  {
    method: 'put',
    path: '/api/me/addresses/{id}',
    summary: 'Replace an address',
    tags: ['me'],
    request: { ...addressIdParam, ...jsonRequest(people.AddressRequest) },
    responses: {
      200: jsonResponse(people.CustomerAddress, 'Replaced'),
      ...problemResponses(...BODY_PROBLEMS, 'not_found'),
    },
  },
  {
    method: 'delete',
    path: '/api/me/addresses/{id}',
    summary: 'Delete an address',
    description: 'Where it was a default the oldest one that is left becomes it.',
    tags: ['me'],
    request: addressIdParam,
    responses: { 204: { description: 'Deleted' }, ...problemResponses('not_found', 'service_unavailable') },
  },
  {
    method: 'get',
    path: '/api/me/export',
    summary: 'What is kept about you',
    description:
      'Not in it are mails, whose text is not kept (that they were sent is in the history of an order), and who of the staff looked.',
    tags: ['me'],
    responses: {
      200: jsonResponse(
        people.PersonalDataExport,
        'Profile, addresses, sessions, every order with its contact, and what the log says of the account',
        'Content-Disposition',
      ),
      ...problemResponses('not_found', 'service_unavailable'),
    },
  },
  {
    method: 'post',
    path: '/api/me/erasure',
    summary: 'Have yourself forgotten',
    description:
      'Name, addresses, telephone and account are gone for good. Orders stay, without who you are. Refused while one is open.',
    tags: ['me'],
    request: jsonRequest(people.ErasureRequest),
    responses: {
      204: { description: 'Forgotten' },
      ...problemResponses(
        ...BODY_PROBLEMS,
        'invalid_credentials',
        'unauthenticated',
        'invalid_token',
        'orders_open',
        'last_admin',
      ),
    },
  },
  {
    method: 'get',
    path: '/api/customers',
    summary: 'List customers, or find the one with an address',
    description: 'Says nothing personal; that somebody was found by their address is written down.',
    tags: ['customers'],
    request: { query: people.ListCustomersQuery },
    responses: {
      200: jsonResponse(pageSchema(people.CustomerSummary), 'A page'),
      ...problemResponses('invalid_request', 'invalid_cursor', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/customers/{id}',
    summary: 'Read a customer',
    description: 'Each look is written down in the log.',
    tags: ['customers'],
    request: customerIdParam,
    responses: {
      200: jsonResponse(people.Customer, 'The customer'),
      ...problemResponses('not_found', 'service_unavailable'),
    },
  },
  {
    method: 'put',
    path: '/api/customers/{id}/role',
    summary: 'Give an account another role',
    description: 'Its sessions end.',
    tags: ['customers'],
    request: { ...customerIdParam, ...jsonRequest(people.ChangeRoleRequest) },
    responses: {
      204: { description: 'Given' },
      ...problemResponses(...BODY_PROBLEMS, 'not_found', 'last_admin'),
    },
  },
  {
    method: 'post',
    path: '/api/customers/{id}/erasure',
    summary: 'Have a customer forgotten',
    description: 'As they could do themselves. Twice is once.',
    tags: ['customers'],
    request: customerIdParam,
    responses: {
      204: { description: 'Forgotten' },
      ...problemResponses('not_found', 'orders_open', 'last_admin', 'service_unavailable'),
    },
  },
];

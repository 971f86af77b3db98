import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import * as auth from '../auth/schemas';
import { BODY_PROBLEMS, json, page, problems, takes } from '../http/openapi-parts';
import * as people from './schemas';

const idOf = (example: string) => ({ params: z.object({ id: z.string().openapi({ example }) }) });
const address = idOf('adr_01K9Z0Q6X4J7M2V8W3Y5A1B2C3');
const customer = idOf('cus_01K9Z0Q6X4J7M2V8W3Y5A1B2C3');
const all = (item: z.ZodType, description: string) => json(z.object({ data: z.array(item) }), description);

const accepted = json(auth.Accepted, 'The same for every address');
const tokens = (description: string) => json(auth.Tokens, description);

/** Accounts and the people who have them. */
export const PEOPLE_ROUTES: RouteConfig[] = [
  {
    method: 'post',
    path: '/api/auth/register',
    summary: 'Ask for an account',
    description:
      'A mail goes to the address; who gets it confirms. Nothing in the answer tells whether it has an account already.',
    tags: ['accounts'],
    request: takes(auth.Register),
    responses: { 202: accepted, ...problems(...BODY_PROBLEMS) },
  },
  {
    method: 'post',
    path: '/api/auth/confirm',
    summary: 'Confirm an address: makes the account and logs in',
    description:
      'By whoever reads its mail and knows the password that was chosen. Orders placed as a guest with this address belong to the account.',
    tags: ['accounts'],
    request: takes(auth.Confirm),
    responses: {
      200: tokens('The account is there, and this is its first session'),
      ...problems(...BODY_PROBLEMS, 'invalid_credentials', 'invalid_token', 'link_expired', 'account_exists'),
    },
  },
  {
    method: 'post',
    path: '/api/auth/login',
    summary: 'Log in',
    tags: ['accounts'],
    request: takes(auth.LogIn),
    responses: {
      200: tokens('A new session'),
      ...problems(...BODY_PROBLEMS, 'invalid_credentials', 'invalid_token'),
    },
  },
  {
    method: 'post',
    path: '/api/auth/refresh',
    summary: 'Get new tokens for a refresh token',
    description:
      'Each refresh token is good for one refresh. One that comes again ends its session, but for 10 s in which an answer that was lost can be asked for again.',
    tags: ['accounts'],
    request: takes(auth.Refresh),
    responses: {
      200: tokens('The session goes on'),
      ...problems(...BODY_PROBLEMS, 'invalid_refresh_token', 'invalid_token'),
    },
  },
  {
    method: 'post',
    path: '/api/auth/logout',
    summary: 'Log out, here or everywhere',
    description:
      'Ends the session of the refresh token, or else that of the access token. Says nothing of whether the token was one.',
    tags: ['accounts'],
    request: takes(auth.LogOut),
    responses: {
      204: { description: 'The session has ended' },
      ...problems(...BODY_PROBLEMS, 'unauthenticated', 'invalid_token'),
    },
  },
  {
    method: 'post',
    path: '/api/auth/password-reset',
    summary: 'Ask for a new password',
    tags: ['accounts'],
    request: takes(auth.RequestPasswordReset),
    responses: { 202: accepted, ...problems(...BODY_PROBLEMS) },
  },
  {
    method: 'post',
    path: '/api/auth/password-reset/confirm',
    summary: 'Set a new password by the link of the mail',
    description: 'Ends all sessions.',
    tags: ['accounts'],
    request: takes(auth.ResetPassword),
    responses: { 204: { description: 'Set' }, ...problems(...BODY_PROBLEMS, 'link_expired') },
  },
  {
    method: 'post',
    path: '/api/auth/password',
    summary: 'Change the password',
    description: 'Ends all other sessions.',
    tags: ['accounts'],
    request: takes(auth.ChangePassword),
    responses: {
      204: { description: 'Changed' },
      ...problems(...BODY_PROBLEMS, 'invalid_credentials', 'unauthenticated', 'invalid_token'),
    },
  },
  {
    method: 'get',
    path: '/.well-known/jwks.json',
    summary: 'The public keys of access tokens',
    tags: ['accounts'],
    responses: { 200: json(auth.Jwks, 'All that verify now, the signing one first') },
  },
  {
    method: 'get',
    path: '/api/me',
    summary: 'Read your profile',
    tags: ['me'],
    responses: { 200: json(people.Me, 'The profile'), ...problems('not_found', 'service_unavailable') },
  },
  {
    method: 'patch',
    path: '/api/me',
    summary: 'Change your profile',
    description: 'What is left out stays; null empties.',
    tags: ['me'],
    request: takes(people.ChangeMe),
    responses: { 200: json(people.Me, 'As it is now'), ...problems(...BODY_PROBLEMS, 'not_found') },
  },
  {
    method: 'get',
    path: '/api/me/sessions',
    summary: 'Where you are logged in',
    tags: ['me'],
    responses: {
      200: all(people.Session, 'Newest first, 50 at the most'),
      ...problems('service_unavailable'),
    },
  },
  {
    method: 'delete',
    path: '/api/me/sessions/{id}',
    summary: 'Log out there',
    tags: ['me'],
    request: idOf('ses_01K9Z0Q6X4J7M2V8W3Y5A1B2C3'),
    responses: { 204: { description: 'Ended' }, ...problems('not_found', 'service_unavailable') },
  },
  {
    method: 'get',
    path: '/api/me/addresses',
    summary: 'List your addresses',
    tags: ['me'],
    responses: {
      200: all(people.CustomerAddress, 'Oldest first, 50 at the most'),
      ...problems('service_unavailable'),
    },
  },
  {
    method: 'post',
    path: '/api/me/addresses',
    summary: 'Add an address',
    description: 'The first one is the default for shipping and for billing.',
    tags: ['me'],
    request: takes(people.ChangeAddress),
    responses: {
      201: json(people.CustomerAddress, 'Added', 'Location'),
      ...problems(...BODY_PROBLEMS, 'too_many_addresses'),
    },
  },
  {
    method: 'put',
    path: '/api/me/addresses/{id}',
    summary: 'Replace an address',
    tags: ['me'],
    request: { ...address, ...takes(people.ChangeAddress) },
    responses: { 200: json(people.CustomerAddress, 'Replaced'), ...problems(...BODY_PROBLEMS, 'not_found') },
  },
  {
    method: 'delete',
    path: '/api/me/addresses/{id}',
    summary: 'Delete an address',
    description: 'Where it was a default the oldest one that is left becomes it.',
    tags: ['me'],
    request: address,
    responses: { 204: { description: 'Deleted' }, ...problems('not_found', 'service_unavailable') },
  },
  {
    method: 'get',
    path: '/api/me/export',
    summary: 'What is kept about you',
    description:
      'Not in it are mails, whose text is not kept (that they were sent is in the history of an order), and who of the staff looked.',
    tags: ['me'],
    responses: {
      200: json(
        people.PersonalExport,
        'Profile, addresses, sessions, every order with its contact, and what the log says of the account',
        'Content-Disposition',
      ),
      ...problems('not_found', 'service_unavailable'),
    },
  },
  {
    method: 'post',
    path: '/api/me/erasure',
    summary: 'Have yourself forgotten',
    description:
      'Name, addresses, telephone and account are gone for good. Orders stay, without who you are. Refused while one is open.',
    tags: ['me'],
    request: takes(people.EraseMe),
    responses: {
      204: { description: 'Forgotten' },
      ...problems(
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
    request: { query: people.ListCustomers },
    responses: {
      200: json(page(people.CustomerSummary), 'A page'),
      ...problems('invalid_request', 'invalid_cursor', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/customers/{id}',
    summary: 'Read a customer',
    description: 'Each look is written down in the log.',
    tags: ['customers'],
    request: customer,
    responses: {
      200: json(people.Customer, 'The customer'),
      ...problems('not_found', 'service_unavailable'),
    },
  },
  {
    method: 'put',
    path: '/api/customers/{id}/role',
    summary: 'Give an account another role',
    description: 'Its sessions end.',
    tags: ['customers'],
    request: { ...customer, ...takes(people.ChangeRole) },
    responses: {
      204: { description: 'Given' },
      ...problems(...BODY_PROBLEMS, 'not_found', 'last_admin'),
    },
  },
  {
    method: 'post',
    path: '/api/customers/{id}/erasure',
    summary: 'Have a customer forgotten',
    description: 'As they could do themselves. Twice is once.',
    tags: ['customers'],
    request: customer,
    responses: {
      204: { description: 'Forgotten' },
      ...problems('not_found', 'orders_open', 'last_admin', 'service_unavailable'),
    },
  },
];

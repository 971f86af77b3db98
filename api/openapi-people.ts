import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { BODY_PROBLEMS, json, problems, takes } from './openapi-parts';
import * as auth from './schemas/auth';

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
    description: 'Orders placed as a guest with this address belong to the account.',
    tags: ['accounts'],
    request: takes(auth.Confirm),
    responses: {
      200: tokens('The account is there, and this is its first session'),
      ...problems(...BODY_PROBLEMS, 'link_expired', 'account_exists'),
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
    description: 'Says nothing of whether the token was one.',
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
];

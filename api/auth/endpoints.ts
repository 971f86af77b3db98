import { setTimeout as delay } from 'node:timers/promises';
import type { TokenPurpose } from '../../db/auth/one-time-tokens';
import { AppError } from '../../domain/shared/errors';
import type { DeferredWork, Tokens } from '../../services/auth/auth-dependencies';
import { removeExpiredRecords } from '../../services/auth/expired-records';
import { logIn } from '../../services/auth/login';
import {
  changePassword,
  requestPasswordReset,
  resetPassword,
} from '../../services/auth/passwords/password-change';
import { confirmRegistration, register } from '../../services/auth/registration';
import { logOut, logOutEverywhere, refreshTokens, revokeSession } from '../../services/auth/sessions';
import { requireAccount, unauthenticated } from '../http/auth';
import { defineEndpoint, type EndpointCall, EVERYONE, getCallLog, OWN_ACCOUNT } from '../http/endpoint';
import { consumeMailboxQuota } from '../http/limits/request-limits';
import { emptyResponse, jsonResponse } from '../http/openapi/responses';
import * as schema from './schemas';

/** Response to every request for a mail: it must not reveal whether the email address has an account. */
const ACCEPTED_BODY = { detail: 'If the email address can be used, a mail will be sent to it.' };
const ACCEPTED_RESPONSE = jsonResponse(
  schema.Accepted,
  'A mail will be sent if the email address can be used. The response is the same for every address',
);
const CONSTANT_RESPONSE_MS = 200;

const tokensResponse = (description: string) => jsonResponse(schema.Tokens, description);

/** Registration, sessions and passwords. */
export const AUTH_ENDPOINTS = [
  defineEndpoint({
    method: 'post',
    path: '/api/auth/register',
    policy: EVERYONE,
    limit: 'login',
    summary: 'Register an account',
    description: [
      'Sends a mail with a confirmation link to the address; the registration is pending for 24 hours. If the address has',
      'an account already, its owner is notified instead. Neither the response nor its timing reveals whether it has one.',
      'The number of mails to one address is limited; further requests get the same response and send no mail.',
    ].join(' '),
    tags: ['accounts'],
    request: { body: schema.RegistrationRequest },
    responses: { 202: ACCEPTED_RESPONSE },
    async handler({ ctx, req, res, body: { email, password, name = null } }) {
      const work = register(ctx.auth, { email, password, name });
      await respondInConstantTime({ ctx, req, res }, 'registration', email, work);
      res.status(202).json(ACCEPTED_BODY);
      removeExpired({ ctx, req, res });
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/auth/confirm',
    policy: EVERYONE,
    limit: 'login',
    summary: 'Confirm a registration',
    description: [
      'Creates the account and logs in. Requires the token of the mail and the password chosen at registration, so that',
      'an account never has a password that another person chose. A wrong password leaves the link valid. Orders placed as',
      'a guest with this email address belong to the account.',
    ].join(' '),
    tags: ['accounts'],
    request: { body: schema.ConfirmRegistrationRequest },
    responses: { 200: tokensResponse('The account was created; these are the tokens of its first session') },
    errors: ['invalid_credentials', 'link_expired', 'account_exists'],
    async handler({ ctx, res, body: { token, password } }) {
      res.json(toTokensResponse(await confirmRegistration(ctx.auth, token, password)));
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/auth/login',
    policy: EVERYONE,
    limit: 'login',
    summary: 'Log in',
    description:
      'Starts a session. It ends after 30 days without use and after 180 days at the latest; a customer has at most 50 sessions.',
    tags: ['accounts'],
    request: { body: schema.LoginRequest },
    responses: { 200: tokensResponse('The tokens of a new session') },
    errors: ['invalid_credentials'],
    async handler({ ctx, req, res, body: { email, password } }) {
      res.json(toTokensResponse(await logIn(ctx.auth, email, password)));
      removeExpired({ ctx, req, res });
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/auth/refresh',
    policy: EVERYONE,
    summary: 'Refresh the tokens of a session',
    description: [
      'Each refresh token can be used once and returns the next one. Reuse of a token ends its session, because two parties',
      'hold it. For 10 seconds after its use, while its successor is unused, the same token can be refreshed again, for',
      'example when the response was lost.',
    ].join(' '),
    tags: ['accounts'],
    request: { body: schema.RefreshTokensRequest },
    responses: { 200: tokensResponse('The new tokens of the session') },
    errors: ['invalid_refresh_token'],
    async handler({ ctx, res, body: { refreshToken } }) {
      res.json(toTokensResponse(await refreshTokens(ctx.auth, refreshToken)));
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/auth/logout',
    policy: EVERYONE,
    summary: 'Log out of one or all sessions',
    description: [
      'Ends the session of the refresh token, or that of the access token if no refresh token is sent. With `everywhere`,',
      'which requires an access token, all sessions of the account end. The response does not reveal whether the refresh',
      'token was valid.',
    ].join(' '),
    tags: ['accounts'],
    request: { body: schema.LogoutRequest },
    responses: { 204: emptyResponse('Session revoked') },
    errors: ['unauthenticated'],
    async handler({ ctx: { auth }, res, access: { principal }, actor, body }) {
      const { refreshToken, everywhere } = body;
      const account = principal.kind === 'account' ? principal : null;
      if (everywhere && account === null) throw unauthenticated();
      if (refreshToken === undefined && account === null) throw refreshTokenRequired();
      if (refreshToken !== undefined) await logOut(auth, refreshToken);
      if (account !== null && everywhere) await logOutEverywhere(auth, account.customerId, actor);
      else if (account !== null && refreshToken === undefined) {
        await revokeSession(auth, account.customerId, account.sessionId, 'logout', actor);
      }
      res.status(204).end();
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/auth/password-reset',
    policy: EVERYONE,
    limit: 'login',
    summary: 'Request a password reset',
    description:
      'Sends a mail with a link if the address has an account. Neither the response nor its timing reveals whether it has one. The number of mails to one address is limited.',
    tags: ['accounts'],
    request: { body: schema.PasswordResetRequest },
    responses: { 202: ACCEPTED_RESPONSE },
    async handler({ ctx, req, res, body: { email } }) {
      const work = requestPasswordReset(ctx.auth, email);
      await respondInConstantTime({ ctx, req, res }, 'password_reset', email, work);
      res.status(202).json(ACCEPTED_BODY);
      removeExpired({ ctx, req, res });
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/auth/password-reset/confirm',
    policy: EVERYONE,
    limit: 'login',
    summary: 'Reset the password',
    description:
      'Sets a new password with the token of the mail. All sessions end, and the owner is notified by mail.',
    tags: ['accounts'],
    request: { body: schema.ConfirmPasswordResetRequest },
    responses: { 204: emptyResponse('The password was set') },
    errors: ['link_expired'],
    async handler({ ctx, res, body: { token, password } }) {
      await resetPassword(ctx.auth, token, password);
      res.status(204).end();
    },
  }),

  defineEndpoint({
    method: 'post',
    path: '/api/auth/password',
    policy: OWN_ACCOUNT,
    limit: 'login',
    summary: 'Change the password',
    description: 'Requires the current password. All other sessions end, and the owner is notified by mail.',
    tags: ['accounts'],
    request: { body: schema.ChangePasswordRequest },
    responses: { 204: emptyResponse('The password was changed') },
    errors: ['invalid_credentials'],
    async handler({ ctx, res, access, body }) {
      await changePassword(ctx.auth, requireAccount(access), body);
      res.status(204).end();
    },
  }),

  defineEndpoint({
    method: 'get',
    path: '/.well-known/jwks.json',
    policy: null,
    summary: 'List the public keys of access tokens',
    description:
      'A JSON Web Key Set (RFC 7517) by which other services verify access tokens. May be cached for 5 minutes.',
    tags: ['accounts'],
    responses: { 200: jsonResponse(schema.Jwks, 'All keys that verify tokens now, the signing key first') },
    handler({ ctx, res }) {
      res.set('Cache-Control', 'public, max-age=300').json(ctx.auth.accessTokens.jwks());
    },
  }),
];

const refreshTokenRequired = (): AppError =>
  new AppError('invalid_request', 'Send a refresh token or an access token.', {
    errors: [{ pointer: '/refreshToken', detail: 'is required without an access token' }],
  });

const toTokensResponse = ({ accessToken, expiresInSeconds, refreshToken }: Tokens): schema.Tokens => ({
  accessToken,
  tokenType: 'Bearer',
  expiresInSeconds,
  refreshToken,
});

type Call = Pick<EndpointCall<object>, 'ctx' | 'req' | 'res'>;

/** After the response, in the background: a failure is logged and does not fail the request. */
function removeExpired(call: Call): void {
  removeExpiredRecords(call.ctx.auth).catch((error: unknown) =>
    getCallLog(call).warn({ err: error }, 'expired records not deleted'),
  );
}

/**
 * Waits a fixed time, whatever work is left: neither the duration nor the outcome may reveal whether the email address has
 * an account. The remaining work continues in the background, unless the mailbox quota is used up.
 */
async function respondInConstantTime(
  call: Call,
  purpose: TokenPurpose,
  email: string,
  work: Promise<DeferredWork>,
): Promise<void> {
  const minimumTime = delay(CONSTANT_RESPONSE_MS);
  const deferred = await work;
  if (await consumeMailboxQuota(call.ctx, purpose, email)) {
    deferred().catch((error: unknown) => getCallLog(call).error({ err: error }, 'requested mail not sent'));
  }
  await minimumTime;
}

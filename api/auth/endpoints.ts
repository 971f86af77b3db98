import { setTimeout as delay } from 'node:timers/promises';
import type { Request, Router } from 'express';
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
import { getActor, getPrincipal, requireAccount, unauthenticated } from '../http/auth';
import type { ApiContext } from '../http/context';
import { consumeMailboxQuota } from '../http/limits/request-limits';
import { parseBody } from '../http/parse-request';
import { createExpressRouter, createRouter, registerRoutes as methodsOf } from '../http/router';
import * as schema from './schemas';

/** The same for every address, known or not. */
const ACCEPTED_RESPONSE = { detail: 'If the address can be used, a mail is on its way to it.' };
/** From the moment the request is here. */
const CONSTANT_RESPONSE_MS = 200;

/** Registering, logging in and out, passwords. */
export function authRoutes({ identity }: ApiContext): Router {
  const { router, registerRoutes } = createRouter('/api/auth');

  /** When the answer is out: nobody waits for it, and no request fails with it. */
  const tidyUp = (req: Request): void => {
    removeExpiredRecords(identity).catch((error: unknown) =>
      req.log.warn({ err: error }, 'what has run out is not deleted'),
    );
  };

  registerRoutes('/register', {
    post: async (req, res) => {
      const { email, password, name = null } = parseBody(req, schema.RegistrationRequest);
      await respondInConstantTime(req, 'registration', email, register(identity, { email, password, name }));
      res.status(202).json(ACCEPTED_RESPONSE);
      tidyUp(req);
    },
  });

  registerRoutes('/confirm', {
    post: async (req, res) => {
      const { token, password } = parseBody(req, schema.ConfirmRegistrationRequest);
      res.json(toTokensResponse(await confirmRegistration(identity, token, password)));
    },
  });

  registerRoutes('/login', {
    post: async (req, res) => {
      const { email, password } = parseBody(req, schema.LoginRequest);
      res.json(toTokensResponse(await logIn(identity, email, password)));
      tidyUp(req);
    },
  });

  registerRoutes('/refresh', {
    post: async (req, res) => {
      const { refreshToken } = parseBody(req, schema.RefreshTokensRequest);
      res.json(toTokensResponse(await refreshTokens(identity, refreshToken)));
    },
  });

  registerRoutes('/logout', {
    post: async (req, res) => {
      const { refreshToken, everywhere } = parseBody(req, schema.LogoutRequest);
      const principal = getPrincipal(req);
      const account = principal.kind === 'account' ? principal : null;
      if (everywhere && account === null) throw unauthenticated();
      if (refreshToken === undefined && account === null) throw refreshTokenRequired();
      if (refreshToken !== undefined) await logOut(identity, refreshToken);
      if (account !== null && everywhere) await logOutEverywhere(identity, account.customerId, getActor(req));
      else if (account !== null && refreshToken === undefined) {
        await revokeSession(identity, account.customerId, account.sessionId, 'logout', getActor(req));
      }
      res.status(204).end();
    },
  });

  registerRoutes('/password-reset', {
    post: async (req, res) => {
      const { email } = parseBody(req, schema.PasswordResetRequest);
      await respondInConstantTime(req, 'password_reset', email, requestPasswordReset(identity, email));
      res.status(202).json(ACCEPTED_RESPONSE);
      tidyUp(req);
    },
  });

  registerRoutes('/password-reset/confirm', {
    post: async (req, res) => {
      const { token, password } = parseBody(req, schema.ConfirmPasswordResetRequest);
      await resetPassword(identity, token, password);
      res.status(204).end();
    },
  });

  registerRoutes('/password', {
    post: async (req, res) => {
      await changePassword(identity, requireAccount(req), parseBody(req, schema.ChangePasswordRequest));
      res.status(204).end();
    },
  });

  return router;
}

const refreshTokenRequired = (): AppError =>
  new AppError('invalid_request', 'Some fields are not valid.', {
    errors: [{ pointer: '/refreshToken', detail: 'is needed where there is no access token' }],
  });

/** The public keys of access tokens, for other services (RFC 7517). */
export function jwksRoutes({ identity }: ApiContext): Router {
  const router = createExpressRouter();
  methodsOf(router, '/.well-known/jwks.json', {
    get: (_req, res) => {
      res.set('Cache-Control', 'public, max-age=300').json(identity.accessTokens.jwks());
    },
  });
  return router;
}

const toTokensResponse = ({ accessToken, expiresInSeconds, refreshToken }: Tokens): schema.Tokens => ({
  accessToken,
  tokenType: 'Bearer',
  expiresInSeconds,
  refreshToken,
});

/**
 * Tells what is the same for every address, and lets the caller go at a fixed time, whatever is left to do then: how long
 * it takes and how it ends must not tell whether the address has an account.
 */
async function respondInConstantTime(
  req: Request,
  purpose: TokenPurpose,
  email: string,
  asked: Promise<DeferredWork>,
): Promise<void> {
  const answer = delay(CONSTANT_RESPONSE_MS);
  const remainder = await asked;
  if (await consumeMailboxQuota(req, purpose, email)) {
    remainder().catch((error: unknown) =>
      req.log.error({ err: error }, 'a mail that was asked for is not sent'),
    );
  }
  await answer;
}

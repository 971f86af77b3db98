import { setTimeout as delay } from 'node:timers/promises';
import type { Request, Router } from 'express';
import type { TokenPurpose } from '../../db/auth/one-time-tokens';
import { Failure } from '../../domain/shared/failures';
import { forgetExpired } from '../../services/auth/expiry';
import type { Remainder, Tokens } from '../../services/auth/identity';
import { logIn } from '../../services/auth/login';
import { changePassword, requestPasswordReset, resetPassword } from '../../services/auth/password-change';
import { confirmRegistration, register } from '../../services/auth/registration';
import { logOut, logOutEverywhere, refresh, revokeSession } from '../../services/auth/sessions';
import { accountOf, actorOf, principalOfRequest, unauthenticated } from '../http/access';
import type { ApiContext } from '../http/context';
import { mayBeMailed } from '../http/limits';
import { methods as methodsOf, newRouter, newRoutes } from '../http/methods';
import { readBody } from '../http/read';
import * as schema from './schemas';

/** The same for every address, known or not. */
const ACCEPTED = { detail: 'If the address can be used, a mail is on its way to it.' };
/** From the moment the request is here. */
const ANSWER_AFTER_MS = 200;

/** Registering, logging in and out, passwords. */
export function authRoutes({ identity }: ApiContext): Router {
  const { router, methods } = newRoutes('/api/auth');

  /** When the answer is out: nobody waits for it, and no request fails with it. */
  const tidyUp = (req: Request): void => {
    forgetExpired(identity).catch((error: unknown) =>
      req.log.warn({ err: error }, 'what has run out is not deleted'),
    );
  };

  methods('/register', {
    post: async (req, res) => {
      const { email, password, name = null } = readBody(req, schema.Register);
      await unhurried(req, 'registration', email, register(identity, { email, password, name }));
      res.status(202).json(ACCEPTED);
      tidyUp(req);
    },
  });

  methods('/confirm', {
    post: async (req, res) => {
      const { token, password } = readBody(req, schema.Confirm);
      res.json(present(await confirmRegistration(identity, token, password)));
    },
  });

  methods('/login', {
    post: async (req, res) => {
      const { email, password } = readBody(req, schema.LogIn);
      res.json(present(await logIn(identity, email, password)));
      tidyUp(req);
    },
  });

  methods('/refresh', {
    post: async (req, res) => {
      const { refreshToken } = readBody(req, schema.Refresh);
      res.json(present(await refresh(identity, refreshToken)));
    },
  });

  methods('/logout', {
    post: async (req, res) => {
      const { refreshToken, everywhere } = readBody(req, schema.LogOut);
      const principal = principalOfRequest(req);
      const account = principal.kind === 'account' ? principal : null;
      if (everywhere && account === null) throw unauthenticated();
      if (refreshToken === undefined && account === null) throw noSession();
      if (refreshToken !== undefined) await logOut(identity, refreshToken);
      if (account !== null && everywhere) await logOutEverywhere(identity, account.customerId, actorOf(req));
      else if (account !== null && refreshToken === undefined) {
        await revokeSession(identity, account.customerId, account.sessionId, 'logout', actorOf(req));
      }
      res.status(204).end();
    },
  });

  methods('/password-reset', {
    post: async (req, res) => {
      const { email } = readBody(req, schema.RequestPasswordReset);
      await unhurried(req, 'password_reset', email, requestPasswordReset(identity, email));
      res.status(202).json(ACCEPTED);
      tidyUp(req);
    },
  });

  methods('/password-reset/confirm', {
    post: async (req, res) => {
      const { token, password } = readBody(req, schema.ResetPassword);
      await resetPassword(identity, token, password);
      res.status(204).end();
    },
  });

  methods('/password', {
    post: async (req, res) => {
      await changePassword(identity, accountOf(req), readBody(req, schema.ChangePassword));
      res.status(204).end();
    },
  });

  return router;
}

const noSession = (): Failure =>
  new Failure('invalid_request', 'Some fields are not valid.', {
    errors: [{ pointer: '/refreshToken', detail: 'is needed where there is no access token' }],
  });

/** The public keys of access tokens, for other services (RFC 7517). */
export function jwksRoutes({ identity }: ApiContext): Router {
  const router = newRouter();
  methodsOf(router, '/.well-known/jwks.json', {
    get: (_req, res) => {
      res.set('Cache-Control', 'public, max-age=300').json(identity.accessTokens.jwks());
    },
  });
  return router;
}

const present = ({ accessToken, expiresInSeconds, refreshToken }: Tokens): schema.Tokens => ({
  accessToken,
  tokenType: 'Bearer',
  expiresInSeconds,
  refreshToken,
});

/**
 * Tells what is the same for every address, and lets the caller go at a fixed time, whatever is left to do then: how long
 * it takes and how it ends must not tell whether the address has an account.
 */
async function unhurried(
  req: Request,
  purpose: TokenPurpose,
  email: string,
  asked: Promise<Remainder>,
): Promise<void> {
  const answer = delay(ANSWER_AFTER_MS);
  const remainder = await asked;
  if (await mayBeMailed(req, purpose, email)) {
    remainder().catch((error: unknown) =>
      req.log.error({ err: error }, 'a mail that was asked for is not sent'),
    );
  }
  await answer;
}

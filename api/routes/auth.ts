import { setTimeout as delay } from 'node:timers/promises';
import type { Router } from 'express';
import type { Tokens } from '../../identity/identity';
import { logIn } from '../../identity/login';
import { changePassword, requestPasswordReset, resetPassword } from '../../identity/password-change';
import { confirmRegistration, register } from '../../identity/registration';
import { logOut, logOutEverywhere, refresh } from '../../identity/sessions';
import { accountOf, actorOf, principalOfRequest, unauthenticated } from '../access';
import type { ApiContext } from '../context';
import { methods as methodsOf, newRouter, newRoutes } from '../methods';
import { readBody } from '../read';
import * as schema from '../schemas/auth';

/** The same for every address, known or not. */
const ACCEPTED = { detail: 'If the address can be used, a mail is on its way to it.' };
/** Longer than the work takes: how much of it there was is not to be told from the time of the answer. */
const ANSWER_AFTER_MS = 200;

/** Registering, logging in and out, passwords. */
export function authRoutes({ identity }: ApiContext): Router {
  const { router, methods } = newRoutes('/api/auth');

  methods('/register', {
    post: async (req, res) => {
      const { email, password, name = null } = readBody(req, schema.Register);
      await unhurried(register(identity, { email, password, name }));
      res.status(202).json(ACCEPTED);
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
      if (refreshToken !== undefined) await logOut(identity, refreshToken);
      if (everywhere) {
        const principal = principalOfRequest(req);
        if (principal.kind !== 'account') throw unauthenticated();
        await logOutEverywhere(identity, principal.customerId, actorOf(req));
      }
      res.status(204).end();
    },
  });

  methods('/password-reset', {
    post: async (req, res) => {
      const { email } = readBody(req, schema.RequestPasswordReset);
      await unhurried(requestPasswordReset(identity, email));
      res.status(202).json(ACCEPTED);
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

async function unhurried(work: Promise<void>): Promise<void> {
  await Promise.all([work, delay(ANSWER_AFTER_MS)]);
}

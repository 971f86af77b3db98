import type { Router } from 'express';
import { ulid } from 'ulid';
import type { ApiKey as StoredKey } from '../../db/auth/api-keys';
import { Failure } from '../../domain/shared/failures';
import { isApiKeyId } from '../../domain/shared/ids';
import { createApiKey, revokeApiKey } from '../../services/auth/api-keys';
import { Page } from '../catalogue/list-schemas';
import { actorOf } from '../http/access';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/cursors';
import { newRoutes } from '../http/methods';
import { readBody, readQuery } from '../http/read';
import { iso } from '../orders/serializers';
import { type ApiKey, CreateApiKey } from './api-key-schemas';

/** Keys of machines: made and revoked by people, never by machines. */
export function apiKeyRoutes({ store }: ApiContext): Router {
  const { router, methods } = newRoutes('/api/api-keys');

  methods('/', {
    post: async (req, res) => {
      const { name, scopes, expiresAt } = readBody(req, CreateApiKey);
      const nowMs = Date.now();
      const expiresAtMs = expiresAt === undefined ? null : Date.parse(expiresAt);
      if (expiresAtMs !== null && expiresAtMs <= nowMs) {
        throw new Failure('invalid_request', 'Some fields are not valid.', {
          errors: [{ pointer: '/expiresAt', detail: 'must lie in the future' }],
        });
      }
      const wanted = { name, scopes, expiresAtMs, by: actorOf(req) };
      const { key, token } = await createApiKey(store, ulid(nowMs), wanted, nowMs);
      res.status(201).json({ ...present(key), token });
    },

    get: async (req, res) => {
      const { cursor, limit } = readQuery(req, Page);
      const rows = await store.apiKeys.list({
        ...(cursor === undefined ? {} : { afterId: decodeCursor(cursor, isApiKeyId) }),
        limit: limit + 1,
      });
      res.json(toPage(rows, limit, (row) => row.id, present));
    },
  });

  methods('/:id', {
    delete: async (req, res) => {
      const { id } = req.params;
      if (typeof id !== 'string' || !isApiKeyId(id) || (await store.apiKeys.find(id)) === null) {
        throw new Failure('not_found', 'There is no such key.');
      }
      await revokeApiKey(store, id, actorOf(req), Date.now());
      res.status(204).end();
    },
  });

  return router;
}

const present = (key: StoredKey): ApiKey => ({
  id: key.id,
  name: key.name,
  scopes: key.scopes,
  createdBy: key.createdBy,
  createdAt: iso(key.createdAtMs),
  expiresAt: key.expiresAtMs === null ? null : iso(key.expiresAtMs),
  revokedAt: key.revokedAtMs === null ? null : iso(key.revokedAtMs),
});

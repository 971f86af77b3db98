import type { Router } from 'express';
import { ulid } from 'ulid';
import type { ApiKey as StoredKey } from '../../db/auth/api-keys';
import { AppError } from '../../domain/shared/errors';
import { isApiKeyId } from '../../domain/shared/ids';
import { createApiKey, revokeApiKey } from '../../services/auth/api-keys';
import { PageQuery } from '../catalogue/list-schemas';
import { getActor } from '../http/auth';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/pagination';
import { parseBody, parseQuery } from '../http/parse-request';
import { createRouter } from '../http/router';
import { toIsoTimestamp } from '../orders/serializers';
import { type ApiKey, CreateApiKeyRequest } from './api-key-schemas';

/** Keys of machines: made and revoked by people, never by machines. */
export function apiKeyRoutes({ store }: ApiContext): Router {
  const { router, registerRoutes } = createRouter('/api/api-keys');

  registerRoutes('/', {
    post: async (req, res) => {
      const { name, scopes, expiresAt } = parseBody(req, CreateApiKeyRequest);
      const nowMs = Date.now();
      const expiresAtMs = expiresAt === undefined ? null : Date.parse(expiresAt);
      if (expiresAtMs !== null && expiresAtMs <= nowMs) {
        throw new AppError('invalid_request', 'Some fields are not valid.', {
          errors: [{ pointer: '/expiresAt', detail: 'must lie in the future' }],
        });
      }
      const wanted = { name, scopes, expiresAtMs, createdBy: getActor(req) };
      const { key, token } = await createApiKey(store, ulid(nowMs), wanted, nowMs);
      res.status(201).json({ ...toApiKeyResponse(key), token });
    },

    get: async (req, res) => {
      const { cursor, limit } = parseQuery(req, PageQuery);
      const rows = await store.apiKeys.list({
        ...(cursor === undefined ? {} : { afterId: decodeCursor(cursor, isApiKeyId) }),
        limit: limit + 1,
      });
      res.json(toPage(rows, limit, (row) => row.id, toApiKeyResponse));
    },
  });

  registerRoutes('/:id', {
    delete: async (req, res) => {
      const { id } = req.params;
      if (typeof id !== 'string' || !isApiKeyId(id) || (await store.apiKeys.find(id)) === null) {
        throw new AppError('not_found', 'There is no such key.');
      }
      await revokeApiKey(store, id, getActor(req), Date.now());
      res.status(204).end();
    },
  });

  return router;
}

const toApiKeyResponse = (key: StoredKey): ApiKey => ({
  id: key.id,
  name: key.name,
  scopes: key.scopes,
  createdBy: key.createdBy,
  createdAt: toIsoTimestamp(key.createdAtMs),
  expiresAt: key.expiresAtMs === null ? null : toIsoTimestamp(key.expiresAtMs),
  revokedAt: key.revokedAtMs === null ? null : toIsoTimestamp(key.revokedAtMs),
});

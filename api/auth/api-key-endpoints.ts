import { ulid } from 'ulid';
import type { ApiKey as StoredKey } from '../../db/auth/api-keys';
import { AppError } from '../../domain/shared/errors';
import { isApiKeyId } from '../../domain/shared/ids';
import { createApiKey, revokeApiKey } from '../../services/auth/api-keys';
import { ADMINS, defineEndpoint } from '../http/endpoint';
import { emptyResponse, jsonResponse, pageResponse } from '../http/openapi/responses';
import { z } from '../http/openapi/zod';
import { decodeCursor, PageQuery, toPage } from '../http/pagination';
import { toIsoTimestamp } from '../orders/serializers';
import { ApiKey, ApiKeyWithToken, CreateApiKeyRequest } from './api-key-schemas';

const keyNotFound = () => new AppError('not_found', 'This API key does not exist.');

/** API keys of machines. Only accounts manage them, never machines. */
export const API_KEY_ENDPOINTS = [
  defineEndpoint({
    method: 'post',
    path: '/api/api-keys',
    policy: ADMINS,
    summary: 'Create an API key',
    description:
      'The response contains the bearer token of the key. It cannot be retrieved again: only its hash is stored.',
    tags: ['access'],
    request: { body: CreateApiKeyRequest },
    responses: { 201: jsonResponse(ApiKeyWithToken, 'The key with its token') },
    async handler({ ctx, res, body: { name, scopes, expiresAt }, actor }) {
      const nowMs = Date.now();
      const expiresAtMs = expiresAt === undefined ? null : Date.parse(expiresAt);
      if (expiresAtMs !== null && expiresAtMs <= nowMs) {
        throw new AppError('invalid_request', 'The expiry of the key has passed.', {
          errors: [{ pointer: '/expiresAt', detail: 'must be in the future' }],
        });
      }
      const request = { name, scopes, expiresAtMs, createdBy: actor };
      const { key, token } = await createApiKey(ctx.store, ulid(nowMs), request, nowMs);
      res.status(201).json({ ...toApiKeyResponse(key), token });
    },
  }),

  defineEndpoint({
    method: 'get',
    path: '/api/api-keys',
    policy: ADMINS,
    summary: 'List API keys, newest first',
    description: 'Revoked and expired keys are included.',
    tags: ['access'],
    request: { query: PageQuery },
    responses: { 200: pageResponse(ApiKey) },
    async handler({ ctx, res, query: { cursor, limit } }) {
      const rows = await ctx.store.apiKeys.list({
        ...(cursor === undefined ? {} : { afterId: decodeCursor(cursor, isApiKeyId) }),
        limit: limit + 1,
      });
      res.json(toPage(rows, limit, (row) => row.id, toApiKeyResponse));
    },
  }),

  defineEndpoint({
    method: 'delete',
    path: '/api/api-keys/:id',
    policy: ADMINS,
    summary: 'Revoke an API key',
    description:
      'Requests with the key return 401 from then on. Revoking a revoked key again changes nothing.',
    tags: ['access'],
    request: {
      params: z.object({
        id: z.string().refine(isApiKeyId).openapi({ example: 'key_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
      }),
    },
    notFound: keyNotFound,
    responses: { 204: emptyResponse('The key is revoked') },
    async handler({ ctx, res, params: { id }, actor }) {
      if ((await ctx.store.apiKeys.find(id)) === null) throw keyNotFound();
      await revokeApiKey(ctx.store, id, actor, Date.now());
      res.status(204).end();
    },
  }),
];

const toApiKeyResponse = (key: StoredKey): ApiKey => ({
  id: key.id,
  name: key.name,
  scopes: key.scopes,
  createdBy: key.createdBy,
  createdAt: toIsoTimestamp(key.createdAtMs),
  expiresAt: key.expiresAtMs === null ? null : toIsoTimestamp(key.expiresAtMs),
  revokedAt: key.revokedAtMs === null ? null : toIsoTimestamp(key.revokedAtMs),
});

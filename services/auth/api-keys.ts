import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ApiKey } from '../../db/auth/api-keys';
import type { Store } from '../../db/core/store';
import type { Actor } from '../../domain/orders/order';
import type { Principal, Scope } from '../../domain/shared/access';
import type { DomainEvent } from '../../domain/shared/events';
import { apiKeyId, eventKey } from '../../domain/shared/ids';

export interface NewApiKey {
  name: string;
  scopes: Scope[];
  /** Milliseconds since the epoch; null: never expires. */
  expiresAtMs: number | null;
  createdBy: Actor;
}

const TOKEN_PATTERN = /^(key_[0-9A-HJKMNP-TV-Z]{26})_([\w-]{43})$/;
const SECRET_BYTES = 32;

const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** @returns the stored key and its bearer token. Only the hash of the token is stored. */
export async function createApiKey(
  { db, apiKeys, log }: Store,
  ulid: string,
  { name, scopes, expiresAtMs, createdBy }: NewApiKey,
  nowMs: number,
): Promise<{ key: ApiKey; token: string }> {
  const id = apiKeyId(ulid);
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const key = {
    id,
    name,
    secretHash: hashSecret(secret),
    scopes: [...new Set(scopes)],
    createdBy: createdBy.id ?? createdBy.kind,
    createdAtMs: nowMs,
    expiresAtMs,
  };
  await db.write(async (tx) => {
    await apiKeys.add(key, tx);
    await log.append(await log.lockHead(id, tx), [apiKeyCreated(key, createdBy)], tx);
  });
  return { key: { ...key, revokedAtMs: null }, token: `${id}_${secret}` };
}

/** @returns false when the key does not exist or was already revoked. */
export const revokeApiKey = (
  { db, apiKeys, log }: Store,
  id: string,
  actor: Actor,
  nowMs: number,
): Promise<boolean> =>
  db.write(async (tx) => {
    const head = await log.lockHead(id, tx);
    if (!(await apiKeys.revoke(id, nowMs, tx))) return false;
    const event = {
      ...toEventBase(id, 'revoked', actor, nowMs),
      type: 'ApiKeyRevoked' as const,
      data: { keyId: id },
    };
    await log.append(head, [event], tx);
    return true;
  });

/** @returns null for an unknown, revoked or expired key. */
export async function verifyApiKey(
  { apiKeys }: Store,
  token: string,
  nowMs: number,
): Promise<Principal | null> {
  const [, id, secret] = TOKEN_PATTERN.exec(token) ?? [];
  if (id === undefined || secret === undefined) return null;
  const key = await apiKeys.find(id);
  if (key === null || key.revokedAtMs !== null) return null;
  if (key.expiresAtMs !== null && key.expiresAtMs <= nowMs) return null;
  if (!timingSafeEqual(Buffer.from(hashSecret(secret)), Buffer.from(key.secretHash))) return null;
  return { kind: 'machine', keyId: id, scopes: key.scopes };
}

const toEventBase = (id: string, step: string, actor: Actor, atMs: number) => ({
  key: eventKey(id, step),
  stream: id,
  subject: id,
  actor,
  atMs,
});

const apiKeyCreated = (key: Omit<ApiKey, 'revokedAtMs'>, actor: Actor): DomainEvent => ({
  ...toEventBase(key.id, 'created', actor, key.createdAtMs),
  type: 'ApiKeyCreated',
  data: { keyId: key.id, scopes: key.scopes, expiresAtMs: key.expiresAtMs },
});

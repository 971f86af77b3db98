import type { CreationOptional, InferAttributes, Sequelize } from 'sequelize';
import type { Role, Scope } from '../../domain/shared/access';
import { BIGINT, defineTable, JSON_TEXT, KEY, nullable, type RowModel, STRING } from '../core/table';

/** The password and role of a customer. Personal data is in the contact row. */
interface AccountModel extends RowModel<AccountModel> {
  customerId: string;
  passwordHash: string;
  role: Role;
  /** Whether updates of orders that require no action are mailed. */
  orderUpdates: CreationOptional<OrderUpdates>;
  createdAtMs: number;
}
export type Account = InferAttributes<AccountModel>;
export type OrderUpdates = 'email' | 'none';

/** A registration whose email address is not confirmed yet, identified by the token that confirms it. */
interface PendingRegistrationModel extends RowModel<PendingRegistrationModel> {
  tokenId: string;
  email: string;
  name: string | null;
  passwordHash: string;
  expiresAtMs: number;
}
export type PendingRegistration = InferAttributes<PendingRegistrationModel>;

/** A link that works once. The row does not contain what is needed to build the link. */
interface OneTimeTokenModel extends RowModel<OneTimeTokenModel> {
  id: string;
  purpose: TokenPurpose;
  /** The id of the account or registration. */
  subject: string;
  expiresAtMs: number;
  usedAtMs: CreationOptional<number | null>;
}
export type OneTimeToken = InferAttributes<OneTimeTokenModel>;
export type TokenPurpose = 'registration' | 'password_reset';

/** A login on one device. The row is deleted when the session is revoked or has expired. */
interface SessionModel extends RowModel<SessionModel> {
  id: string;
  customerId: string;
  /** Number of rotations; refresh tokens of this generation are valid. */
  generation: number;
  openedAtMs: number;
  rotatedAtMs: number;
  /** Hash of the refresh token of the last rotation; null before the first one. */
  rotatedBy: string | null;
  expiresAtMs: number;
}
export type Session = InferAttributes<SessionModel>;

interface RefreshTokenModel extends RowModel<RefreshTokenModel> {
  hash: string;
  sessionId: string;
  generation: number;
}
export type StoredRefreshToken = Omit<InferAttributes<RefreshTokenModel>, 'hash'>;

/** An API key, without its secret. */
interface ApiKeyModel extends RowModel<ApiKeyModel> {
  id: string;
  /** A label for staff. */
  name: string;
  /** SHA-256 of the secret, hexadecimal. The secret has 256 random bits, so no slower hash is needed. */
  secretHash: string;
  scopes: Scope[];
  createdBy: string;
  createdAtMs: number;
  expiresAtMs: number | null;
  revokedAtMs: CreationOptional<number | null>;
}
export type ApiKey = InferAttributes<ApiKeyModel>;

/** The requests of one limit in one window of time. */
interface RateLimitModel extends RowModel<RateLimitModel> {
  id: string;
  consumed: number;
  endsAtMs: number;
}

export const defineAuthModels = (sequelize: Sequelize) => ({
  accounts: defineTable<AccountModel>(sequelize, 'accounts', {
    customerId: KEY,
    passwordHash: STRING,
    role: STRING,
    orderUpdates: { type: STRING, defaultValue: 'email' },
    createdAtMs: BIGINT,
  }),
  pendingRegistrations: defineTable<PendingRegistrationModel>(sequelize, 'pending_registrations', {
    tokenId: KEY,
    email: STRING,
    name: nullable(STRING),
    passwordHash: STRING,
    expiresAtMs: BIGINT,
  }),
  oneTimeTokens: defineTable<OneTimeTokenModel>(sequelize, 'one_time_tokens', {
    id: KEY,
    purpose: STRING,
    subject: STRING,
    expiresAtMs: BIGINT,
    usedAtMs: nullable(BIGINT),
  }),
  sessions: defineTable<SessionModel>(sequelize, 'sessions', {
    id: KEY,
    customerId: STRING,
    generation: BIGINT,
    openedAtMs: BIGINT,
    rotatedAtMs: BIGINT,
    rotatedBy: nullable(STRING),
    expiresAtMs: BIGINT,
  }),
  refreshTokens: defineTable<RefreshTokenModel>(sequelize, 'refresh_tokens', {
    hash: KEY,
    sessionId: STRING,
    generation: BIGINT,
  }),
  apiKeys: defineTable<ApiKeyModel>(sequelize, 'api_keys', {
    id: KEY,
    name: STRING,
    secretHash: STRING,
    scopes: JSON_TEXT,
    createdBy: STRING,
    createdAtMs: BIGINT,
    expiresAtMs: nullable(BIGINT),
    revokedAtMs: nullable(BIGINT),
  }),
  rateLimits: defineTable<RateLimitModel>(sequelize, 'rate_limits', {
    id: { ...KEY, field: 'bucket' },
    consumed: BIGINT,
    endsAtMs: BIGINT,
  }),
});

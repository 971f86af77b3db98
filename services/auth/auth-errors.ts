import { AppError } from '../../domain/shared/errors';

/** Value of `WWW-Authenticate` (RFC 6750): every 401 carries it. */
export const BEARER_CHALLENGE = 'Bearer realm="orders"';

export const invalidToken = (): AppError =>
  new AppError('invalid_token', 'The token is invalid, expired or revoked. Log in again.', {
    headers: { 'WWW-Authenticate': `${BEARER_CHALLENGE}, error="invalid_token"` },
  });

export const invalidCredentials = (): AppError =>
  new AppError('invalid_credentials', 'The email address or the password is wrong.', {
    headers: { 'WWW-Authenticate': BEARER_CHALLENGE },
  });

export const invalidRefreshToken = (): AppError =>
  new AppError('invalid_refresh_token', 'The session is no longer valid. Log in again.', {
    headers: { 'WWW-Authenticate': BEARER_CHALLENGE },
  });

export const linkExpired = (): AppError =>
  new AppError('link_expired', 'This link was already used or has expired. Request a new one.');

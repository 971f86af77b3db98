import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '../../services/auth/passwords/passwords';
import { email, singleLineText } from '../http/field-schemas';
import { z } from '../http/openapi/zod';

const EXAMPLE_LINK_TOKEN = 'ott_01K9Z0Q6X4J7M2V8W3Y5A1B2C3.Ls1s6kA3yQ0uR7bq9gq1cM8H2nq0vV5sW4xT6yZ7aBc';
const EXAMPLE_REFRESH_TOKEN = 'Ls1s6kA3yQ0uR7bq9gq1cM8H2nq0vV5sW4xT6yZ7aBc';

const password = z.string().min(1).max(MAX_PASSWORD_LENGTH);
const newPassword = z.string().min(MIN_PASSWORD_LENGTH).max(MAX_PASSWORD_LENGTH).openapi({
  description: 'Must not be one of the most common passwords, nor the email address',
  example: 'analytical engine',
});
const linkToken = z.string().min(1).max(200).openapi({
  description: 'The token of the link in the mail. It can be used once',
  example: EXAMPLE_LINK_TOKEN,
});
const refreshToken = z.string().min(1).max(200);

export const RegistrationRequest = z
  .strictObject({ email, password: newPassword, name: singleLineText(200).optional() })
  .openapi('Register', {
    example: { email: 'ada@example.com', password: 'analytical engine', name: 'Ada Byron' },
  });

export const ConfirmRegistrationRequest = z
  .strictObject({
    token: linkToken,
    password: password.openapi({ description: 'The password chosen at registration' }),
  })
  .openapi('Confirm', { example: { token: EXAMPLE_LINK_TOKEN, password: 'analytical engine' } });

export const LoginRequest = z
  .strictObject({ email, password })
  .openapi('LogIn', { example: { email: 'ada@example.com', password: 'analytical engine' } });

export const RefreshTokensRequest = z
  .strictObject({ refreshToken })
  .openapi('Refresh', { example: { refreshToken: EXAMPLE_REFRESH_TOKEN } });

export const LogoutRequest = z
  .strictObject({
    refreshToken: refreshToken.optional(),
    everywhere: z
      .boolean()
      .default(false)
      .openapi({ description: 'End all sessions of the account. Requires an access token' }),
  })
  .openapi('LogOut', { example: { refreshToken: EXAMPLE_REFRESH_TOKEN } });

export const PasswordResetRequest = z
  .strictObject({ email })
  .openapi('RequestPasswordReset', { example: { email: 'ada@example.com' } });

export const ConfirmPasswordResetRequest = z
  .strictObject({ token: linkToken, password: newPassword })
  .openapi('ResetPassword', { example: { token: EXAMPLE_LINK_TOKEN, password: 'difference engine' } });

export const ChangePasswordRequest = z
  .strictObject({ currentPassword: password, newPassword })
  .openapi('ChangePassword', {
    example: { currentPassword: 'analytical engine', newPassword: 'difference engine' },
  });

export const Accepted = z.object({ detail: z.string() }).openapi('Accepted', {
  example: { detail: 'If the email address can be used, a mail will be sent to it.' },
});

export const Tokens = z
  .object({
    accessToken: z.string().openapi({ description: 'A JWT to send as `Authorization: Bearer …`' }),
    tokenType: z.literal('Bearer'),
    expiresInSeconds: z.number().int().openapi({ example: 900 }),
    refreshToken: z
      .string()
      .openapi({ description: 'Can be used for one refresh, which returns the next one' }),
  })
  .openapi('Tokens');
export type Tokens = z.infer<typeof Tokens>;

export const Jwks = z
  .object({
    keys: z.array(
      z.object({
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        x: z.string(),
        kid: z.string(),
        alg: z.literal('EdDSA'),
        use: z.literal('sig'),
      }),
    ),
  })
  .openapi('Jwks', { description: 'A JSON Web Key Set (RFC 7517)' });

import { z } from 'zod';
import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '../../services/auth/passwords/passwords';
import { email, singleLineText } from '../orders/schemas';

const EXAMPLE_LINK_TOKEN = 'ott_01K9Z0Q6X4J7M2V8W3Y5A1B2C3.Ls1s6kA3yQ0uR7bq9gq1cM8H2nq0vV5sW4xT6yZ7aBc';
const EXAMPLE_REFRESH_TOKEN = 'Ls1s6kA3yQ0uR7bq9gq1cM8H2nq0vV5sW4xT6yZ7aBc';

const password = z.string().min(1).max(MAX_PASSWORD_LENGTH);
const newPassword = z.string().min(MIN_PASSWORD_LENGTH).max(MAX_PASSWORD_LENGTH).openapi({
  description: 'None of the most common ones, nor the address itself',
  example: 'analytical engine',
});
const linkToken = z.string().min(1).max(200).openapi({
  description: 'From the mail; it works once',
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
    password: password.openapi({ description: 'The one that was chosen when registering' }),
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
    everywhere: z.boolean().default(false).openapi({ description: 'All devices; needs an access token' }),
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

export const Accepted = z
  .object({ detail: z.string() })
  .openapi('Accepted', { example: { detail: 'If the address can be used, a mail is on its way to it.' } });

export const Tokens = z
  .object({
    accessToken: z.string().openapi({ description: 'JWT; goes into `Authorization: Bearer …`' }),
    tokenType: z.literal('Bearer'),
    expiresInSeconds: z.number().int().openapi({ example: 900 }),
    refreshToken: z.string().openapi({ description: 'Good for one refresh, which gives the next one' }),
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
  .openapi('Jwks', { description: 'RFC 7517' });

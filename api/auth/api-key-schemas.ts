import { SCOPES } from '../../domain/shared/access';
import { singleLineText } from '../http/field-schemas';
import { z } from '../http/openapi/zod';

const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .max(SCOPES.length)
  .openapi({ example: ['orders:read'] });

export const CreateApiKeyRequest = z
  .strictObject({
    name: singleLineText(100).openapi({
      description: 'The purpose of the key',
      example: 'Warehouse scanner',
    }),
    scopes,
    expiresAt: z.iso
      .datetime()
      .optional()
      .openapi({ description: 'When the key expires. Without it the key is valid until it is revoked' }),
  })
  .openapi('CreateApiKey', {
    example: { name: 'Warehouse scanner', scopes: ['orders:read', 'inventory:write'] },
  });

export const ApiKey = z
  .object({
    id: z.string().openapi({ example: 'key_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
    name: z.string(),
    scopes,
    createdBy: z.string(),
    createdAt: z.string(),
    expiresAt: z.string().nullable(),
    revokedAt: z.string().nullable(),
  })
  .openapi('ApiKey');
export type ApiKey = z.infer<typeof ApiKey>;

export const ApiKeyWithToken = ApiKey.extend({
  token: z
    .string()
    .openapi({ description: 'The bearer token. It is not stored and cannot be retrieved again' }),
}).openapi('NewApiKey');

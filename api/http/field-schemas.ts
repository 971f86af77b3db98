import { isEmailAddress, MAX_EMAIL_LENGTH, normalizeEmailAddress } from '../../domain/shared/email-address';
import { SKU_PATTERN } from '../../domain/shared/ids';
import { CONTROL_CHARS } from '../../domain/shared/text';
import { z } from './openapi/zod';

/** One line of text, trimmed, without control characters or unpaired surrogates. */
export const singleLineText = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .refine((value) => !CONTROL_CHARS.test(value), 'must not contain control characters');

export const sku = z
  .string()
  .regex(SKU_PATTERN, 'must consist of lower-case letters, digits and dashes')
  .openapi({ example: 'walnut-desk' });

export const Money = z
  .object({
    amount: z.number().int().openapi({ description: 'In the minor unit of the currency', example: 41900 }),
    currency: z.string().length(3).openapi({ example: 'EUR' }),
  })
  .openapi('Money');

export const countryCode = z
  .string()
  .regex(/^[A-Z]{2}$/, 'must be a two-letter country code in capitals (ISO 3166-1)');
export const region = singleLineText(100).openapi({
  description: 'A code (`CA`) if the tax of the country depends on the region',
});
/** Normalized, so that one address has one spelling. */
export const email = z
  .string()
  .overwrite(normalizeEmailAddress)
  .refine(isEmailAddress, 'must be an email address')
  .openapi({ format: 'email', maxLength: MAX_EMAIL_LENGTH });
export const phone = z
  .string()
  .trim()
  .regex(/^\+?[0-9 ()./-]{5,30}$/, 'must be a phone number');

export const Address = z
  .strictObject({
    name: singleLineText(200),
    line1: singleLineText(200),
    line2: singleLineText(200).optional(),
    city: singleLineText(100),
    region: region.optional(),
    postalCode: singleLineText(20),
    country: countryCode,
  })
  .openapi('Address');

export const timestamp = z.iso.datetime().openapi({ example: '2026-11-21T09:30:00.000Z' });

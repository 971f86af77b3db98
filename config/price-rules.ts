import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { MAX_TOTAL_MINOR, type PriceRules } from '../domain/pricing/price-rules';
import { minorUnitDigits } from '../domain/shared/money';

const basisPointsSchema = z.number().int().min(0).max(100_000);
const ratesSchema = z.strictObject({
  standard: basisPointsSchema,
  reduced: basisPointsSchema,
  zero: basisPointsSchema,
});
const nonNegativeIntegerSchema = z.number().int().min(0);

/**
 * Stripe's minor units of these currencies differ from ISO 4217: charges would be wrong by a factor of 100, without an
 * error (https://docs.stripe.com/currencies#special-cases, #zero-decimal).
 */
const UNSUPPORTED_CURRENCIES: Record<string, string> = {
  ISK: 'ISO 4217 defines no decimals, Stripe charges in hundredths',
  MGA: 'ISO 4217 defines two decimals, Stripe charges without decimals',
  UGX: 'ISO 4217 defines no decimals, Stripe charges in hundredths',
};

/** The content of a price rules file: the fields of `PriceRules` in domain/pricing/price-rules.ts. */
const priceRulesSchema = z
  .strictObject({
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
    minimumTotalMinor: z.number().int().min(1).max(MAX_TOTAL_MINOR),
    taxIncluded: z.boolean(),
    taxRatesBasisPoints: z.record(
      z.string().regex(/^[A-Z]{2}(-[A-Z0-9]{1,3})?$/, 'must be a country (DE) or a region (US-CA)'),
      ratesSchema,
    ),
    defaultTaxRatesBasisPoints: ratesSchema,
    shippingMethods: z
      .record(
        // Objects order numeric keys first, so a numeric code would become the default method.
        z
          .string()
          .regex(/^[a-z][a-z0-9_-]{0,31}$/, 'must be a letter, then lower-case letters, digits, dashes'),
        z.strictObject({
          name: z.string().min(1).max(100),
          fees: z
            .array(
              z.strictObject({
                upToGrams: nonNegativeIntegerSchema.nullable(),
                feeMinor: nonNegativeIntegerSchema,
              }),
            )
            .min(1)
            .refine(isAscending, 'must be ordered by weight, with an unlimited fee last'),
          freeFromMinor: nonNegativeIntegerSchema.nullable(),
        }),
      )
      .refine((methods) => Object.keys(methods).length > 0, 'must contain at least one method'),
  })
  .superRefine(({ currency, shippingMethods }, context) => {
    const reason = UNSUPPORTED_CURRENCIES[currency];
    if (reason !== undefined) {
      context.addIssue({ code: 'custom', path: ['currency'], message: `cannot be ${currency}: ${reason}` });
    }
    if (minorUnitDigits(currency) < 3) return;
    for (const [code, { fees }] of Object.entries(shippingMethods)) {
      if (fees.every(({ feeMinor }) => feeMinor % 10 === 0)) continue;
      context.addIssue({
        code: 'custom',
        path: ['shippingMethods', code, 'fees'],
        message: `must be multiples of 10: ${currency} is charged in tens of its minor unit`,
      });
    }
  });

function isAscending(fees: readonly { upToGrams: number | null }[]): boolean {
  const limits = fees.map(({ upToGrams }) => upToGrams ?? Number.POSITIVE_INFINITY);
  return limits.every((limit, i) => i === 0 || limit > (limits[i - 1] ?? 0));
}

/**
 * Reads currency, taxes and shipping from a JSON file.
 * @throws Error that names every invalid field.
 */
export function readPriceRules(file: string): PriceRules {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = priceRulesSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new Error(
    parsed.error.issues.map((i) => `${i.path.join('.') || 'the file'} ${formatIssue(i)}`).join('; '),
  );
}

/** The message of an invalid key is in its inner issues. */
const formatIssue = (issue: z.core.$ZodIssue): string =>
  issue.code === 'invalid_key' ? issue.issues.map(({ message }) => message).join(', ') : issue.message;

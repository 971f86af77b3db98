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
 * Stripe counts these in other minor units than ISO 4217 does, so that what is charged would be wrong a hundredfold and
 * nobody would notice (https://docs.stripe.com/currencies#special-cases, #zero-decimal).
 */
const UNSUPPORTED_CURRENCIES: Record<string, string> = {
  ISK: 'ISO 4217 gives it no decimals, Stripe takes it in hundredths',
  MGA: 'ISO 4217 gives it two decimals, Stripe takes it without any',
  UGX: 'ISO 4217 gives it no decimals, Stripe takes it in hundredths',
};

/** A file of price rules: the fields of `PriceRules` in domain/pricing/pricing.ts. */
const priceRulesSchema = z
  .strictObject({
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
    minimumTotalMinor: z.number().int().min(1).max(MAX_TOTAL_MINOR),
    taxIncluded: z.boolean(),
    taxRatesBasisPoints: z.record(
      z.string().regex(/^[A-Z]{2}(-[A-Z0-9]{1,3})?$/, 'must be a country (DE) or a region of one (US-CA)'),
      ratesSchema,
    ),
    defaultTaxRatesBasisPoints: ratesSchema,
    shippingMethods: z
      .record(
        // Keys that are numbers come first in any object, so that the first one would not be the file's.
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
            .refine(isAscending, 'must be ordered by weight, and what has no limit comes last'),
          freeFromMinor: nonNegativeIntegerSchema.nullable(),
        }),
      )
      .refine((methods) => Object.keys(methods).length > 0, 'must have one method at least'),
  })
  .superRefine(({ currency, shippingMethods }, context) => {
    const why = UNSUPPORTED_CURRENCIES[currency];
    if (why !== undefined) {
      context.addIssue({ code: 'custom', path: ['currency'], message: `cannot be ${currency}: ${why}` });
    }
    if (minorUnitDigits(currency) < 3) return;
    for (const [code, { fees }] of Object.entries(shippingMethods)) {
      if (fees.every(({ feeMinor }) => feeMinor % 10 === 0)) continue;
      context.addIssue({
        code: 'custom',
        path: ['shippingMethods', code, 'fees'],
        message: `must be in tens: ${currency} is paid in tens of its minor unit`,
      });
    }
  });

function isAscending(fees: readonly { upToGrams: number | null }[]): boolean {
  const limits = fees.map(({ upToGrams }) => upToGrams ?? Number.POSITIVE_INFINITY);
  return limits.every((limit, i) => i === 0 || limit > (limits[i - 1] ?? 0));
}

/**
 * The currency, taxes and shipping of the shop, from a JSON file.
 * @throws Error that names every fault of the file, one a line.
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

/** Of a key, zod itself says no more than that it is wrong. */
const formatIssue = (issue: z.core.$ZodIssue): string =>
  issue.code === 'invalid_key' ? issue.issues.map(({ message }) => message).join(', ') : issue.message;

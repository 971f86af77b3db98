import { MAX_TOTAL_MINOR, type TaxClass } from '../pricing/price-rules';
import { isSku, SKU_PATTERN as SKU_FORM } from '../shared/ids';
import { chargeableStepMinor, minorUnitDigits } from '../shared/money';
import { CONTROL_CHARS } from '../shared/text';

/** Validation rule of a product field, shared by the JSON API and the CSV import. */
export interface FieldRule<T> {
  isValid(value: T): boolean;
  /** Message for an invalid value: "must be …". */
  requirement: string;
  /** The part of the rule that JSON Schema can express, for OpenAPI. Never stricter than `isValid`. */
  schema: RuleSchema;
}

export type RuleSchema = {
  type?: 'integer';
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxProperties?: number;
};

export const MAX_ATTRIBUTES = 50;
const MAX_NAME_LENGTH = 200;
const MAX_DESCRIPTION_LENGTH = 2_000;
const MAX_IMAGE_URL_LENGTH = 1_000;
const MAX_ATTRIBUTE_NAME_LENGTH = 64;
const MAX_ATTRIBUTE_VALUE_LENGTH = 500;
const MAX_WEIGHT_GRAMS = 10_000_000;

const DISALLOWED_TEXT_CHARS = /[^\P{Cc}\n\r\t]|\p{Cs}/u;
const ATTRIBUTE_NAME_PATTERN = /^[\p{L}\p{N}][\p{L}\p{N}\p{M} _.-]*$/u;
/** A path on this host (not `//host`), or https. */
const IMAGE_URL_PATTERN = /^(?:\/(?:[^\s\\/][^\s\\]*)?|https:\/\/\S+)$/;

const isSingleLine = (text: string, maxLength: number): boolean =>
  text.length <= maxLength && text === text.trim() && !CONTROL_CHARS.test(text);

const singleLineRule = (maxLength: number): FieldRule<string> => ({
  isValid: (text) => text !== '' && isSingleLine(text, maxLength),
  requirement: `must be one line of 1 to ${maxLength} characters`,
  schema: { minLength: 1, maxLength },
});

const integerRule = (maximum: number, step: number, must: string): FieldRule<number> => ({
  isValid: (n) => Number.isSafeInteger(n) && n >= 0 && n <= maximum && n % step === 0,
  requirement: must,
  schema: { type: 'integer', minimum: 0, maximum },
});

export const TAX_CLASSES = ['standard', 'reduced', 'zero'] as const satisfies readonly TaxClass[];

/** Path segments of product and inventory URLs that would be ambiguous as a sku. */
const RESERVED_SKUS = ['import', 'imports', 'low'];

export const SKU_RULE: FieldRule<string> = {
  isValid: (sku) => isSku(sku) && !RESERVED_SKUS.includes(sku),
  requirement: `must be lower-case letters, digits and dashes, and not a reserved word (${RESERVED_SKUS.join(', ')})`,
  schema: { pattern: SKU_FORM.source },
};

export const NAME_RULE = singleLineRule(MAX_NAME_LENGTH);

export const DESCRIPTION_RULE: FieldRule<string> = {
  isValid: (text) => text.length <= MAX_DESCRIPTION_LENGTH && !DISALLOWED_TEXT_CHARS.test(text),
  requirement: `must be text of at most ${MAX_DESCRIPTION_LENGTH} characters`,
  schema: { maxLength: MAX_DESCRIPTION_LENGTH },
};

export const WEIGHT_GRAMS_RULE = integerRule(
  MAX_WEIGHT_GRAMS,
  1,
  `must be whole grams, at most ${MAX_WEIGHT_GRAMS}`,
);

/** Shown by browsers: nothing that could run there, and nothing unencrypted. */
export const IMAGE_URL_RULE: FieldRule<string> = {
  isValid: (url) =>
    isSingleLine(url, MAX_IMAGE_URL_LENGTH) &&
    IMAGE_URL_PATTERN.test(url) &&
    (url.startsWith('/') || URL.canParse(url)),
  requirement: 'must be an https URL or a path that starts with /',
  schema: { pattern: IMAGE_URL_PATTERN.source, maxLength: MAX_IMAGE_URL_LENGTH },
};

export const ATTRIBUTE_NAME_RULE: FieldRule<string> = {
  isValid: (name) => ATTRIBUTE_NAME_PATTERN.test(name) && [...name].length <= MAX_ATTRIBUTE_NAME_LENGTH,
  requirement: `name must be 1 to ${MAX_ATTRIBUTE_NAME_LENGTH} letters, digits, spaces, dots, dashes`,
  // Without the pattern: validators that lack Unicode patterns would reject valid names.
  schema: { minLength: 1, maxLength: MAX_ATTRIBUTE_NAME_LENGTH },
};

export const ATTRIBUTE_VALUE_RULE = singleLineRule(MAX_ATTRIBUTE_VALUE_LENGTH);

export const ATTRIBUTES_RULE: FieldRule<Record<string, string>> = {
  isValid: (attributes) => Object.keys(attributes).length <= MAX_ATTRIBUTES,
  requirement: `must be at most ${MAX_ATTRIBUTES}`,
  schema: { maxProperties: MAX_ATTRIBUTES },
};

/** A price that the payment provider can charge. */
export const unitPriceRule = (currency: string): FieldRule<number> =>
  integerRule(
    MAX_TOTAL_MINOR,
    chargeableStepMinor(currency),
    minorUnitDigits(currency) === 3
      ? `must be a multiple of 10 minor units of ${currency}, at most ${MAX_TOTAL_MINOR}`
      : `must be at most ${MAX_TOTAL_MINOR} minor units of ${currency}`,
  );

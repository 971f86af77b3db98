import { MAX_TOTAL_MINOR, type TaxClass } from '../pricing/price-rules';
import { isSku, SKU as SKU_FORM } from '../shared/ids';
import { NOT_IN_A_LINE } from '../shared/line';
import { minorUnitDigits, payableStepMinor } from '../shared/money';

/** What holds for each field of a product, whether it comes as JSON or as CSV. */
export interface FieldRule<T> {
  holds(value: T): boolean;
  /** For people: what was wrong. */
  must: string;
  /** As much of it as JSON Schema can say, for the description of the API. What it refuses never holds. */
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

const NOT_IN_A_TEXT = /[^\P{Cc}\n\r\t]|\p{Cs}/u;
const ATTRIBUTE_NAME = /^[\p{L}\p{N}][\p{L}\p{N}\p{M} _.-]*$/u;
/** A path on this host (not `//host`), or https. */
const IMAGE_ADDRESS = /^(?:\/(?:[^\s\\/][^\s\\]*)?|https:\/\/\S+)$/;

const isLine = (text: string, most: number): boolean =>
  text.length <= most && text === text.trim() && !NOT_IN_A_LINE.test(text);

const oneLine = (maxLength: number): FieldRule<string> => ({
  holds: (text) => text !== '' && isLine(text, maxLength),
  must: `must be one line of 1 to ${maxLength} characters`,
  schema: { minLength: 1, maxLength },
});

const wholeNumber = (maximum: number, step: number, must: string): FieldRule<number> => ({
  holds: (n) => Number.isSafeInteger(n) && n >= 0 && n <= maximum && n % step === 0,
  must,
  schema: { type: 'integer', minimum: 0, maximum },
});

export const TAX_CLASSES = ['standard', 'reduced', 'zero'] as const satisfies readonly TaxClass[];

/** Words that stand for something else in the addresses of products and their stock. */
const RESERVED_SKUS = ['import', 'imports', 'low'];

export const SKU: FieldRule<string> = {
  holds: (sku) => isSku(sku) && !RESERVED_SKUS.includes(sku),
  must: `must be lower-case letters, digits and dashes, and none of ${RESERVED_SKUS.join(', ')}`,
  schema: { pattern: SKU_FORM.source },
};

export const NAME = oneLine(MAX_NAME_LENGTH);

export const DESCRIPTION: FieldRule<string> = {
  holds: (text) => text.length <= MAX_DESCRIPTION_LENGTH && !NOT_IN_A_TEXT.test(text),
  must: `must be text of at most ${MAX_DESCRIPTION_LENGTH} characters`,
  schema: { maxLength: MAX_DESCRIPTION_LENGTH },
};

export const WEIGHT_GRAMS = wholeNumber(
  MAX_WEIGHT_GRAMS,
  1,
  `must be whole grams, ${MAX_WEIGHT_GRAMS} at the most`,
);

/** Shown by browsers: nothing that could run there, and nothing unencrypted. */
export const IMAGE_URL: FieldRule<string> = {
  holds: (url) =>
    isLine(url, MAX_IMAGE_URL_LENGTH) &&
    IMAGE_ADDRESS.test(url) &&
    (url.startsWith('/') || URL.canParse(url)),
  must: 'must be an https address or a path that begins with /',
  schema: { pattern: IMAGE_ADDRESS.source, maxLength: MAX_IMAGE_URL_LENGTH },
};

export const ATTRIBUTE_NAME_RULE: FieldRule<string> = {
  holds: (name) => ATTRIBUTE_NAME.test(name) && [...name].length <= MAX_ATTRIBUTE_NAME_LENGTH,
  must: `must be named by 1 to ${MAX_ATTRIBUTE_NAME_LENGTH} letters, digits, spaces, dots, dashes`,
  // Without the pattern: not everybody reads one as Unicode, and then it would refuse what holds.
  schema: { minLength: 1, maxLength: MAX_ATTRIBUTE_NAME_LENGTH },
};

export const ATTRIBUTE_VALUE = oneLine(MAX_ATTRIBUTE_VALUE_LENGTH);

export const ATTRIBUTES: FieldRule<Record<string, string>> = {
  holds: (attributes) => Object.keys(attributes).length <= MAX_ATTRIBUTES,
  must: `must be ${MAX_ATTRIBUTES} at the most`,
  schema: { maxProperties: MAX_ATTRIBUTES },
};

/** A price that a payment can be made of. */
export const unitPriceMinor = (currency: string): FieldRule<number> =>
  wholeNumber(
    MAX_TOTAL_MINOR,
    payableStepMinor(currency),
    minorUnitDigits(currency) === 3
      ? `must be in tens of the minor unit of ${currency}, ${MAX_TOTAL_MINOR} at the most`
      : `must be ${MAX_TOTAL_MINOR} minor units of ${currency} at the most`,
  );

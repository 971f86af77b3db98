import { isSku } from './ids';
import { NOT_IN_A_LINE } from './line';
import { minorUnitDigits, payableStepMinor } from './money';
import { MAX_TOTAL_MINOR, type TaxClass } from './pricing';

/** What holds for each field of a product, whether it comes as JSON or as CSV. */
export interface FieldRule<T> {
  holds(value: T): boolean;
  /** For people: what was wrong. */
  must: string;
}

export const MAX_ATTRIBUTES = 50;
const MAX_NAME_LENGTH = 200;
const MAX_DESCRIPTION_LENGTH = 2_000;
const MAX_IMAGE_URL_LENGTH = 1_000;
const MAX_ATTRIBUTE_VALUE_LENGTH = 500;
const MAX_WEIGHT_GRAMS = 10_000_000;

const NOT_IN_A_TEXT = /[^\P{Cc}\n\r\t]|\p{Cs}/u;
const ATTRIBUTE_NAME = /^[\p{L}\p{N}][\p{L}\p{N}\p{M} _.-]{0,63}$/u;
const PATH = /^\/(?!\/)[^\s\\]*$/;

const isLine = (text: string, most: number): boolean =>
  text.length <= most && text === text.trim() && !NOT_IN_A_LINE.test(text);

export const TAX_CLASSES = ['standard', 'reduced', 'zero'] as const satisfies readonly TaxClass[];

/** Words that stand for something else in the addresses of products and their stock. */
const RESERVED_SKUS = ['import', 'imports', 'low'];

export const SKU: FieldRule<string> = {
  holds: (sku) => isSku(sku) && !RESERVED_SKUS.includes(sku),
  must: `must be lower-case letters, digits and dashes, and none of ${RESERVED_SKUS.join(', ')}`,
};

export const NAME: FieldRule<string> = {
  holds: (text) => text !== '' && isLine(text, MAX_NAME_LENGTH),
  must: `must be one line of 1 to ${MAX_NAME_LENGTH} characters`,
};

export const DESCRIPTION: FieldRule<string> = {
  holds: (text) => text.length <= MAX_DESCRIPTION_LENGTH && !NOT_IN_A_TEXT.test(text),
  must: `must be text of at most ${MAX_DESCRIPTION_LENGTH} characters`,
};

export const WEIGHT_GRAMS: FieldRule<number> = {
  holds: (grams) => Number.isSafeInteger(grams) && grams >= 0 && grams <= MAX_WEIGHT_GRAMS,
  must: `must be whole grams, ${MAX_WEIGHT_GRAMS} at the most`,
};

/** Shown by browsers: nothing that could run there, and nothing unencrypted. */
export const IMAGE_URL: FieldRule<string> = {
  holds: (url) =>
    isLine(url, MAX_IMAGE_URL_LENGTH) &&
    (PATH.test(url) || (/^https:\/\/\S+$/.test(url) && URL.canParse(url))),
  must: 'must be an https address or a path that begins with /',
};

export const ATTRIBUTE_NAME_RULE: FieldRule<string> = {
  holds: (name) => ATTRIBUTE_NAME.test(name),
  must: 'must be named by 1 to 64 letters, digits, spaces, dots, dashes',
};

export const ATTRIBUTE_VALUE: FieldRule<string> = {
  holds: (text) => text !== '' && isLine(text, MAX_ATTRIBUTE_VALUE_LENGTH),
  must: `must be one line of 1 to ${MAX_ATTRIBUTE_VALUE_LENGTH} characters`,
};

export const ATTRIBUTES: FieldRule<Record<string, string>> = {
  holds: (attributes) => Object.keys(attributes).length <= MAX_ATTRIBUTES,
  must: `must be ${MAX_ATTRIBUTES} at the most`,
};

/** A price that a payment can be made of. */
export const unitPriceMinor = (currency: string): FieldRule<number> => ({
  holds: (minor) =>
    Number.isSafeInteger(minor) &&
    minor >= 0 &&
    minor <= MAX_TOTAL_MINOR &&
    minor % payableStepMinor(currency) === 0,
  must:
    minorUnitDigits(currency) === 3
      ? `must be in tens of the minor unit of ${currency}, ${MAX_TOTAL_MINOR} at the most`
      : `must be ${MAX_TOTAL_MINOR} minor units of ${currency} at the most`,
});

import type { ProductData } from './product';

/** Terms of one product: what comes later than these is not found by. */
export const MAX_PRODUCT_TERMS = 64;
/** Characters of a term; longer words are cut, in products and in queries alike. */
export const MAX_TERM_LENGTH = 32;
/** Words of a query. */
export const MAX_QUERY_WORDS = 8;

const WORD_PATTERN = /[\p{L}\p{N}]+/gu;

/**
 * The words of a text as they are searched for: without case and diacritics, cut at everything that is neither letter nor
 * digit, each once, in the order of the text. A term has no other terms than itself.
 */
export function extractTerms(text: string): string[] {
  const words = foldText(text).match(WORD_PATTERN) ?? [];
  return [...new Set(words.map((word) => [...word].slice(0, MAX_TERM_LENGTH).join('')))];
}

/** Upper case first, so that `ß` is found by `ss`; a final sigma is a sigma. */
const foldText = (text: string): string =>
  text
    .normalize('NFKD')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ς', 'σ');

/** What a product is found by. The name and the sku come first, so that they are never what is left out. */
export function extractProductTerms(
  product: Pick<ProductData, 'sku' | 'name' | 'description' | 'attributes'>,
): string[] {
  const { sku, name, attributes, description } = product;
  const texts = [name, sku, ...Object.values(attributes), description];
  return [...new Set(texts.flatMap(extractTerms))].slice(0, MAX_PRODUCT_TERMS);
}

/** The words of a query, longest first: every one must be the beginning of one of a product's terms. */
export type ProductQuery = readonly string[];

/** Null where the text has no word, or more of them than `MAX_QUERY_WORDS`. */
export function parseProductQuery(text: string): ProductQuery | null {
  const words = extractTerms(text).sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return words.length === 0 || words.length > MAX_QUERY_WORDS ? null : words;
}

/** Everything that begins with `prefix` is below this, and nothing else from `prefix` on: no term has this character. */
export const prefixUpperBound = (prefix: string): string => `${prefix}\u{10FFFF}`;

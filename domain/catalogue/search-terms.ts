import type { ProductFacts } from './product';

/** Terms of one product: what comes later than these is not found by. */
export const MAX_TERMS_OF_PRODUCT = 64;
/** Characters of a term; longer words are cut, in products and in queries alike. */
export const MAX_TERM_LENGTH = 32;
/** Words of a query. */
export const MAX_QUERY_WORDS = 8;

const WORD = /[\p{L}\p{N}]+/gu;

/**
 * The words of a text as they are searched for: without case and diacritics, cut at everything that is neither letter nor
 * digit, each once, in the order of the text. A term has no other terms than itself.
 */
export function termsOf(text: string): string[] {
  const words = folded(text).match(WORD) ?? [];
  return [...new Set(words.map((word) => [...word].slice(0, MAX_TERM_LENGTH).join('')))];
}

/** Upper case first, so that `ß` is found by `ss`; a final sigma is a sigma. */
const folded = (text: string): string =>
  text
    .normalize('NFKD')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ς', 'σ');

/** What a product is found by. The name and the sku come first, so that they are never what is left out. */
export function termsOfProduct(
  product: Pick<ProductFacts, 'sku' | 'name' | 'description' | 'attributes'>,
): string[] {
  const { sku, name, attributes, description } = product;
  const texts = [name, sku, ...Object.values(attributes), description];
  return [...new Set(texts.flatMap(termsOf))].slice(0, MAX_TERMS_OF_PRODUCT);
}

/** The words of a query, longest first: every one must be the beginning of one of a product's terms. */
export type ProductQuery = readonly string[];

/** Null where the text has no word, or more of them than `MAX_QUERY_WORDS`. */
export function readProductQuery(text: string): ProductQuery | null {
  const words = termsOf(text).sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return words.length === 0 || words.length > MAX_QUERY_WORDS ? null : words;
}

/** Everything that begins with `prefix` is below this, and nothing else from `prefix` on: no term has this character. */
export const endOfPrefix = (prefix: string): string => `${prefix}\u{10FFFF}`;

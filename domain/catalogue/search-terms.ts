import type { ProductData } from './product';

/** Maximum indexed terms of one product; later terms are not searchable. */
export const MAX_PRODUCT_TERMS = 64;
/** Maximum characters of a term; longer words are truncated in products and in queries. */
export const MAX_TERM_LENGTH = 32;
/** Maximum words of a query. */
export const MAX_QUERY_WORDS = 8;

const WORD_PATTERN = /[\p{L}\p{N}]+/gu;

/**
 * Extracts search terms: words of letters and digits without case and diacritics, unique, in text order.
 * Idempotent: extracting the terms of a term returns that term.
 */
export function extractTerms(text: string): string[] {
  const words = foldText(text).match(WORD_PATTERN) ?? [];
  return [...new Set(words.map((word) => [...word].slice(0, MAX_TERM_LENGTH).join('')))];
}

/** Folds to upper case first, so that `ss` matches `ß`; final sigma becomes sigma. */
const foldText = (text: string): string =>
  text
    .normalize('NFKD')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ς', 'σ');

/** The search terms of a product. Name and sku come first, so the limit never drops them. */
export function extractProductTerms(
  product: Pick<ProductData, 'sku' | 'name' | 'description' | 'attributes'>,
): string[] {
  const { sku, name, attributes, description } = product;
  const texts = [name, sku, ...Object.values(attributes), description];
  return [...new Set(texts.flatMap(extractTerms))].slice(0, MAX_PRODUCT_TERMS);
}

/** The words of a query, longest first; each must be a prefix of one of a product's terms. */
export type ProductQuery = readonly string[];

/** @returns null if the text has no word or more than `MAX_QUERY_WORDS`. */
export function parseProductQuery(text: string): ProductQuery | null {
  const words = extractTerms(text).sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return words.length === 0 || words.length > MAX_QUERY_WORDS ? null : words;
}

/** Exclusive upper bound of all terms that start with `prefix`; no term contains this character. */
export const prefixUpperBound = (prefix: string): string => `${prefix}\u{10FFFF}`;

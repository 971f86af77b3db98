import fc from 'fast-check';
import {
  extractProductTerms,
  extractTerms,
  MAX_PRODUCT_TERMS,
  MAX_QUERY_WORDS,
  MAX_TERM_LENGTH,
  parseProductQuery,
} from './search-terms';

const text = fc.string({ unit: 'binary' });

describe('extractTerms', () => {
  test.each([
    ['Walnut-Desk, 140×70cm', ['walnut', 'desk', '140', '70cm']],
    ['Crème BRÛLÉE crème', ['creme', 'brulee']],
    ['Straße İstanbul ΟΔΟΣ οδός', ['strasse', 'istanbul', 'οδοσ']],
    ['ﬁne Ⅳ ½ ﾊﾝｶｸ 日本語', ['fine', 'iv', '1', '2', 'ハンカク', '日本語']],
    ['snake_case e-mail a.b', ['snake', 'case', 'e', 'mail', 'a', 'b']],
    ['  --- ', []],
  ])('extracts from %j the terms %j', (given, terms) => {
    expect(extractTerms(given)).toEqual(terms);
  });

  test('is idempotent for any text', () => {
    fc.assert(
      fc.property(text, (given) => {
        const terms = extractTerms(given);
        for (const term of terms) expect(extractTerms(term)).toEqual([term]);
        expect(new Set(terms).size).toBe(terms.length);
      }),
      { numRuns: 300 },
    );
  });

  test('ignores case and the encoding of accents', () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(extractTerms(given.normalize('NFC'))).toEqual(extractTerms(given.normalize('NFD')));
      }),
    );
    expect(extractTerms('ÄÖÜ éàç')).toEqual(extractTerms('äöü ÉÀÇ'));
  });

  test('returns no term longer than the database column', () => {
    const [term] = extractTerms('𝒳'.repeat(3 * MAX_TERM_LENGTH));
    expect([...(term ?? '')]).toHaveLength(MAX_TERM_LENGTH);
  });
});

const product = {
  sku: 'walnut-desk',
  name: 'Walnut desk',
  attributes: { wood: 'walnut', maker: 'Ørsted & Søn' },
  description: 'Oiled.',
};

test('extracts the terms of name, sku, attributes and description, in that order', () => {
  expect(extractProductTerms(product)).toEqual(['walnut', 'desk', 'ørsted', 'søn', 'oiled']);
});

test('limits the terms of a product but always includes name and sku', () => {
  const description = Array.from({ length: 500 }, (_, n) => `word${n}`).join(' ');
  const terms = extractProductTerms({ ...product, description });
  expect(terms).toHaveLength(MAX_PRODUCT_TERMS);
  expect(terms.slice(0, 2)).toEqual(['walnut', 'desk']);
});

test('sorts the words of a query, longest first', () => {
  expect(parseProductQuery('Oak DESK for walnut')).toEqual(['walnut', 'desk', 'for', 'oak']);
  expect(parseProductQuery('desk Desk désk')).toEqual(['desk']);
});

test('rejects a query without words or with too many', () => {
  expect(parseProductQuery(' !? ')).toBeNull();
  const words = Array.from({ length: MAX_QUERY_WORDS + 1 }, (_, n) => `w${n}`);
  expect(parseProductQuery(words.join(' '))).toBeNull();
  expect(parseProductQuery(words.slice(1).join(' '))).not.toBeNull();
});

import type { SearchPosition } from '../../../db/catalogue/products';
import { createProduct, type Product, type ProductData } from '../../../domain/catalogue/product';
import { extractProductTerms, extractTerms, parseProductQuery } from '../../../domain/catalogue/search-terms';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const buildProductData = (sku: string, name: string, changes: Partial<ProductData> = {}): ProductData => ({
  sku,
  name,
  description: '',
  unitPriceMinor: 1_000,
  currency: 'EUR',
  taxClass: 'standard',
  weightGrams: 100,
  imageUrl: null,
  attributes: {},
  active: true,
  ...changes,
});

const OAK_NAMES = ['oak', 'oaken', 'Oakland', 'oaks', 'oak oaken'];

/** Products whose words differ in case, diacritics, script, field and length. */
const PRODUCTS: ProductData[] = [
  ...Array.from({ length: 60 }, (_, n) =>
    buildProductData(`x-${n}`, `${OAK_NAMES[n % OAK_NAMES.length]} shelf ${n}`),
  ),
  buildProductData('creme', 'Crème brûlée dish', { attributes: { glaze: 'Señora', Füllmenge: '200 ml' } }),
  buildProductData('strasse', 'Straßenlaterne', { description: 'ΟΔΟΣ Ж日本語 in cast iron' }),
  buildProductData('gone', 'Oak thing of the past', { active: false }),
  buildProductData('long', `${'oak'.repeat(20)} beam`),
];

describe.each(DIALECTS)('product search on %s', (dialect) => {
  let shop: TestStore;
  let all: Product[];
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    const { db, productChanges, products } = shop.store;
    const changes = PRODUCTS.map((product) => createProduct(product, 1));
    await db.write((tx) => productChanges.saveChanges(changes, { kind: 'system' }, tx));
    all = await products.list({ visibility: 'all', limit: 1_000 });
  });
  afterAll(() => shop.close());

  const query = (q: string) => {
    const words = parseProductQuery(q);
    if (words === null) throw new Error(`no words in ${q}`);
    return words;
  };

  /** The documented search rules, applied in memory. */
  function searchInMemory(q: string, visibility: (p: Product) => boolean): string[] {
    const words = query(q);
    const allTerms = all.flatMap(extractProductTerms);
    const countTerms = (word: string) => allTerms.filter((term) => term.startsWith(word)).length;
    const driving = words.toSorted((a, b) => countTerms(a) - countTerms(b))[0] ?? '';
    return all
      .filter(visibility)
      .map((product) => ({ product, terms: extractProductTerms(product) }))
      .filter(({ terms }) => words.every((word) => terms.some((t) => t.startsWith(word))))
      .map(({ product, terms }) => ({
        sku: product.sku,
        term: Buffer.from(terms.filter((t) => t.startsWith(driving)).sort(byBytes)[0] ?? ''),
      }))
      .sort((a, b) => Buffer.compare(a.term, b.term) || (a.sku < b.sku ? -1 : 1))
      .map(({ sku }) => sku);
  }
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

  async function searchAll(q: string, limit: number, visibility: 'active' | 'inactive' | 'all' = 'active') {
    const skus: string[] = [];
    for (let after: SearchPosition | undefined; ; ) {
      const page = await shop.store.products.search(query(q), { limit, visibility, ...(after && { after }) });
      skus.push(...page.map((p) => p.sku));
      if (page.length < limit) return skus;
      const { driving, term, sku } = page.at(-1) as SearchPosition;
      after = { driving, term, sku };
    }
  }

  test.each([
    'oak',
    'OAK shelf',
    'oake',
    'o',
    's',
    'desk walnut',
    'walnut-desk',
    'creme',
    'BRULEE crem',
    'senora',
    'strasse',
    'straße',
    'οδος',
    '日本',
    'ж',
    'ml 200',
    'oak'.repeat(20),
    'nothing-like-it',
    'oak 1 x',
  ])('%s: returns the products that contain all words, whole words first, page by page', async (q) => {
    const expected = searchInMemory(q, (p) => p.active);
    for (const limit of [1, 2, 7, 100]) expect(await searchAll(q, limit)).toEqual(expected);
  });

  test('finds products for every query that has matches', async () => {
    expect((await searchAll('oak', 10)).length).toBeGreaterThan(60);
    expect(await searchAll('strasse', 10)).toEqual(['strasse']);
    expect(await searchAll('señora', 10)).toEqual(['creme']);
    expect(await searchAll('nothing-like-it', 10)).toEqual([]);
  });

  test('a product that matches with two terms appears once, at its smallest term', async () => {
    const [first] = await shop.store.products.search(query('oak'), { limit: 1 });
    expect(first?.term).toBe('oak');
    const skus = await searchAll('oak', 3);
    expect(new Set(skus).size).toBe(skus.length);
  });

  test('reads along the rarest word, and continues along the word of the cursor', async () => {
    const first = await shop.store.products.search(query('shelf x oake'), { limit: 2 });
    expect(first.map(({ driving }) => driving)).toEqual(['oake', 'oake']);
    const { driving, term, sku } = first[1] as SearchPosition;
    const after = { driving: 'shelf', term: 'shelf', sku };
    expect(await shop.store.products.search(query('shelf x oake'), { limit: 1, after })).toMatchObject([
      { driving: 'shelf' },
    ]);
    expect([driving, term.startsWith('oake')]).toEqual(['oake', true]);
  });

  test('finds inactive products only with the matching visibility', async () => {
    expect(await searchAll('oak past', 10)).toEqual([]);
    expect(await searchAll('oak past', 10, 'all')).toEqual(['gone']);
    expect(await searchAll('oak past', 10, 'inactive')).toEqual(['gone']);
    expect(await searchAll('oak', 10, 'all')).toEqual(searchInMemory('oak', () => true));
  });

  test('a renamed product is found by its new name only', async () => {
    const { db, productChanges, products } = shop.store;
    const before = (await products.find('creme')) as Product;
    const after = { ...before, name: 'Pudding bowl', version: 2 };
    await db.write((tx) => productChanges.saveChanges([{ before, after }], { kind: 'system' }, tx));
    expect(await searchAll('brulee', 10)).toEqual([]);
    expect(await searchAll('pudding senora', 10)).toEqual(['creme']);
  });

  test('finds products of the seeded catalogue', async () => {
    expect(await searchAll('walnut', 10)).toContain('walnut-desk');
    expect(await searchAll('yirga coffee', 10)).toEqual(['coffee-yirgacheffe']);
  });

  test('extracts the same terms on both dialects', () => {
    expect(extractTerms('Crème-Brûlée, ΟΔΟΣ Straße')).toEqual(['creme', 'brulee', 'οδοσ', 'strasse']);
  });
});

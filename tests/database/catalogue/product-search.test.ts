import type { SearchPosition } from '../../../db/catalogue/products';
import { createProduct, type Product, type ProductData } from '../../../domain/catalogue/product';
import { extractProductTerms, extractTerms, parseProductQuery } from '../../../domain/catalogue/search-terms';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const buildProductData = (sku: string, name: string, more: Partial<ProductData> = {}): ProductData => ({
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
  ...more,
});

const OAK_NAMES = ['oak', 'oaken', 'Oakland', 'oaks', 'oak oaken'];

/** Products whose words differ by case, diacritics, script, place and length. */
const PRODUCTS: ProductData[] = [
  ...Array.from({ length: 60 }, (_, n) =>
    buildProductData(`x-${n}`, `${OAK_NAMES[n % OAK_NAMES.length]} shelf ${n}`),
  ),
  buildProductData('creme', 'Crème brûlée dish', { attributes: { glaze: 'Señora', Füllmenge: '200 ml' } }),
  buildProductData('strasse', 'Straßenlaterne', { description: 'ΟΔΟΣ Ж日本語 in cast iron' }),
  buildProductData('gone', 'Oak thing of the past', { active: false }),
  buildProductData('long', `${'oak'.repeat(20)} beam`),
];

describe.each(DIALECTS)('the search of products on %s', (dialect) => {
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
    const read = parseProductQuery(q);
    if (read === null) throw new Error(`no words in ${q}`);
    return read;
  };

  /** What the description of the search says, word for word. */
  function expected(q: string, visibility: (p: Product) => boolean): string[] {
    const words = query(q);
    const every = all.flatMap(extractProductTerms);
    const fewest = (word: string) => every.filter((term) => term.startsWith(word)).length;
    const driving = words.toSorted((a, b) => fewest(a) - fewest(b))[0] ?? '';
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

  async function walk(q: string, limit: number, visibility: 'active' | 'inactive' | 'all' = 'active') {
    const found: string[] = [];
    for (let after: SearchPosition | undefined; ; ) {
      const page = await shop.store.products.search(query(q), { limit, visibility, ...(after && { after }) });
      found.push(...page.map((p) => p.sku));
      if (page.length < limit) return found;
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
  ])('%s: the products that have all words, whole words first, page by page', async (q) => {
    const wanted = expected(q, (p) => p.active);
    for (const limit of [1, 2, 7, 100]) expect(await walk(q, limit)).toEqual(wanted);
  });

  test('each of them finds something, but the one that cannot', async () => {
    expect((await walk('oak', 10)).length).toBeGreaterThan(60);
    expect(await walk('strasse', 10)).toEqual(['strasse']);
    expect(await walk('señora', 10)).toEqual(['creme']);
    expect(await walk('nothing-like-it', 10)).toEqual([]);
  });

  test('a product that two terms bring appears once, where the smallest puts it', async () => {
    const [first] = await shop.store.products.search(query('oak'), { limit: 1 });
    expect(first?.term).toBe('oak');
    const found = await walk('oak', 3);
    expect(new Set(found).size).toBe(found.length);
  });

  test('it goes along the rarest word, however short that is, and on along it when another has become rarer', async () => {
    const first = await shop.store.products.search(query('shelf x oake'), { limit: 2 });
    expect(first.map(({ driving }) => driving)).toEqual(['oake', 'oake']);
    const { driving, term, sku } = first[1] as SearchPosition;
    const after = { driving: 'shelf', term: 'shelf', sku };
    expect(await shop.store.products.search(query('shelf x oake'), { limit: 1, after })).toMatchObject([
      { driving: 'shelf' },
    ]);
    expect([driving, term.startsWith('oake')]).toEqual(['oake', true]);
  });

  test('what is not sold is found by those who ask for it', async () => {
    expect(await walk('oak past', 10)).toEqual([]);
    expect(await walk('oak past', 10, 'all')).toEqual(['gone']);
    expect(await walk('oak past', 10, 'inactive')).toEqual(['gone']);
    expect(await walk('oak', 10, 'all')).toEqual(expected('oak', () => true));
  });

  test('another name is found, and the one before is not', async () => {
    const { db, productChanges, products } = shop.store;
    const before = (await products.find('creme')) as Product;
    const after = { ...before, name: 'Pudding bowl', version: 2 };
    await db.write((tx) => productChanges.saveChanges([{ before, after }], { kind: 'system' }, tx));
    expect(await walk('brulee', 10)).toEqual([]);
    expect(await walk('pudding senora', 10)).toEqual(['creme']);
  });

  test('the demo catalogue is found', async () => {
    expect(await walk('walnut', 10)).toContain('walnut-desk');
    expect(await walk('yirga coffee', 10)).toEqual(['coffee-yirgacheffe']);
  });

  test('both databases are asked for the same terms', () => {
    expect(extractTerms('Crème-Brûlée, ΟΔΟΣ Straße')).toEqual(['creme', 'brulee', 'οδοσ', 'strasse']);
  });
});

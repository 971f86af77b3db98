import type { TermPosition } from '../../../db/catalogue/products';
import { createProduct, type Product, type ProductFacts } from '../../../domain/catalogue/product';
import { readProductQuery, termsOf, termsOfProduct } from '../../../domain/catalogue/search-terms';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const facts = (sku: string, name: string, more: Partial<ProductFacts> = {}): ProductFacts => ({
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

const OAK = ['oak', 'oaken', 'Oakland', 'oaks', 'oak oaken'];

/** Products whose words differ by case, diacritics, script, place and length. */
const PRODUCTS: ProductFacts[] = [
  ...Array.from({ length: 60 }, (_, n) => facts(`x-${n}`, `${OAK[n % OAK.length]} shelf ${n}`)),
  facts('creme', 'Crème brûlée dish', { attributes: { glaze: 'Señora', Füllmenge: '200 ml' } }),
  facts('strasse', 'Straßenlaterne', { description: 'ΟΔΟΣ Ж日本語 in cast iron' }),
  facts('gone', 'Oak thing of the past', { active: false }),
  facts('long', `${'oak'.repeat(20)} beam`),
];

describe.each(DIALECTS)('the search of products on %s', (dialect) => {
  let shop: TestStore;
  let all: Product[];
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    const { db, productChanges, products } = shop.store;
    const changes = PRODUCTS.map((product) => createProduct(product, 1));
    await db.write((tx) => productChanges.store(changes, { kind: 'system' }, tx));
    all = await products.list({ shown: 'all', limit: 1_000 });
  });
  afterAll(() => shop.close());

  const query = (q: string) => {
    const read = readProductQuery(q);
    if (read === null) throw new Error(`no words in ${q}`);
    return read;
  };

  /** What the description of the search says, word for word. */
  function expected(q: string, shown: (p: Product) => boolean): string[] {
    const words = query(q);
    const every = all.flatMap(termsOfProduct);
    const fewest = (word: string) => every.filter((term) => term.startsWith(word)).length;
    const driving = words.toSorted((a, b) => fewest(a) - fewest(b))[0] ?? '';
    return all
      .filter(shown)
      .map((product) => ({ product, terms: termsOfProduct(product) }))
      .filter(({ terms }) => words.every((word) => terms.some((t) => t.startsWith(word))))
      .map(({ product, terms }) => ({
        sku: product.sku,
        term: Buffer.from(terms.filter((t) => t.startsWith(driving)).sort(byBytes)[0] ?? ''),
      }))
      .sort((a, b) => Buffer.compare(a.term, b.term) || (a.sku < b.sku ? -1 : 1))
      .map(({ sku }) => sku);
  }
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

  async function walk(q: string, limit: number, shown: 'active' | 'inactive' | 'all' = 'active') {
    const found: string[] = [];
    for (let after: TermPosition | undefined; ; ) {
      const page = await shop.store.products.search(query(q), { limit, shown, ...(after && { after }) });
      found.push(...page.map((p) => p.sku));
      if (page.length < limit) return found;
      const { driving, term, sku } = page.at(-1) as TermPosition;
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
    const { driving, term, sku } = first[1] as TermPosition;
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
    await db.write((tx) => productChanges.store([{ before, after }], { kind: 'system' }, tx));
    expect(await walk('brulee', 10)).toEqual([]);
    expect(await walk('pudding senora', 10)).toEqual(['creme']);
  });

  test('the demo catalogue is found', async () => {
    expect(await walk('walnut', 10)).toContain('walnut-desk');
    expect(await walk('yirga coffee', 10)).toEqual(['coffee-yirgacheffe']);
  });

  test('both databases are asked for the same terms', () => {
    expect(termsOf('Crème-Brûlée, ΟΔΟΣ Straße')).toEqual(['creme', 'brulee', 'οδοσ', 'strasse']);
  });
});

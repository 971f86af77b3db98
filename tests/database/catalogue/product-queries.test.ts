import type { SearchPosition } from '../../../db/catalogue/products';
import { insert } from '../../../db/core/sql';
import { createStore, type Store } from '../../../db/core/store';
import { createProduct } from '../../../domain/catalogue/product';
import { parseProductQuery } from '../../../domain/catalogue/search-terms';
import { createTestStore, DIALECTS, TEST_AUDIT_KEY, type TestStore } from '../../harness/servers/databases';
import { isSlowPlanStep, recordQueryPlans } from '../../harness/workflow/query-plans';

const PRODUCT_COUNT = 1_500;
const IMPORT_COUNT = 600;
const WORDS = ['walnut', 'oak', 'ash', 'beech', 'linen', 'wool', 'brass'];
const buildImportId = (n: number) => `imp_${String(n).padStart(26, '0')}`;

describe.each(DIALECTS)('catalogue queries on %s', (dialect) => {
  let shop: TestStore;
  let recorded: Store;
  const plans: Promise<string[]>[] = [];

  beforeAll(async () => {
    shop = await createTestStore(dialect);
    const { db, store } = shop;
    const changes = Array.from({ length: PRODUCT_COUNT }, (_, n) =>
      createProduct(
        {
          sku: `p-${n}`,
          name: `${WORDS[n % WORDS.length]} ${WORDS[(n >> 2) % WORDS.length]} thing`,
          description: `number${n}`,
          unitPriceMinor: 1,
          currency: 'EUR',
          taxClass: 'standard',
          weightGrams: 1,
          imageUrl: null,
          attributes: {},
          active: n % 10 !== 0,
        },
        1,
      ),
    );
    await db.write((tx) => store.productChanges.saveChanges(changes, { kind: 'system' }, tx));
    const imports = Array.from({ length: IMPORT_COUNT }, (_, n) => ({
      id: buildImportId(n),
      body_hash: 'x',
      actor: '{}',
      currency: 'EUR',
      csv_columns: '[]',
      status: n % 100 === 0 ? 'importing' : 'completed',
      created_at_ms: n,
      updated_at_ms: n,
    }));
    const errors = imports.map(({ id }) => ({ import_id: id, seq: 0, line: 2, field: 'x', detail: 'x' }));
    await db.write(async (tx) => {
      await insert(db, 'product_imports', imports, { tx });
      await insert(db, 'product_import_errors', errors, { tx });
    });
    const tables = 'products, product_terms, product_imports, product_import_errors';
    await db.sequelize.query(dialect === 'mysql' ? `ANALYZE TABLE ${tables}` : 'ANALYZE');
    recorded = createStore(recordQueryPlans(shop, plans), TEST_AUDIT_KEY);
  });
  afterAll(async () => {
    await recorded?.db.close();
    await shop?.close();
  });

  const query = (q: string) => parseProductQuery(q) ?? [];
  const after = { driving: 'w', term: 'walnut', sku: 'p-70' };

  const queries: [string, (s: Store) => Promise<unknown>][] = [
    ...(['active', 'inactive', 'all'] as const).flatMap(
      (visibility): [string, (s: Store) => Promise<unknown>][] => [
        [
          `a page of products, ${visibility}`,
          (s) => s.products.list({ afterSku: 'p-1', visibility, limit: 21 }),
        ],
        [`a search, ${visibility}`, (s) => s.products.search(query('walnut'), { visibility, limit: 21 })],
        [
          `the next page of a search, ${visibility}`,
          (s) => s.products.search(query('w'), { after, visibility, limit: 900 }),
        ],
      ],
    ),
    ['a search for two words', (s) => s.products.search(query('walnut thi'), { limit: 21 })],
    ['a search for five words', (s) => s.products.search(query('walnut thing oak number1 p'), { limit: 21 })],
    ['a search for a rare word', (s) => s.products.search(query('number777'), { limit: 21 })],
    ['a search without matches', (s) => s.products.search(query('zzz'), { limit: 21 })],
    ['the products of a cart', (s) => s.products.findBySkus(['p-1', 'p-2'])],
    ['one product', (s) => s.products.find('p-77')],
    ['products, locked for a change', (s) => s.db.write((tx) => s.products.lock(['p-1', 'p-2', 'p-3'], tx))],
    ['an import', (s) => s.productImports.find(buildImportId(7))],
    ['the newest imports', (s) => s.productImports.list({ limit: 21 })],
    ['older imports', (s) => s.productImports.list({ afterId: buildImportId(300), limit: 21 })],
    ['the errors of an import', (s) => s.productImports.findErrors(buildImportId(7))],
    ['stalled imports', (s) => s.productImports.findStalled(500, 20)],
  ];

  test.each(queries)('%s: read in index order', async (_, run) => {
    plans.length = 0;
    await run(recorded);
    const steps = (await Promise.all(plans)).flat();
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.filter(isSlowPlanStep)).toEqual([]);
  });

  test('a search reads along its rarest word, whichever word is longer', async () => {
    const { products } = recorded;
    plans.length = 0;
    const [match] = await products.search(query('thing number7 w'), { limit: 21 });
    expect(match?.driving).toBe('number7');
    expect(await products.search(query('walnut zz'), { limit: 21 })).toEqual([]);
    expect((await products.search(query('oak thing'), { limit: 1 }))[0]?.driving).toBe('oak');
    expect((await Promise.all(plans)).flat().filter(isSlowPlanStep)).toEqual([]);
  });

  test('pages of a search contain every match once, in order, however many terms lie between them', async () => {
    const { products } = shop.store;
    const words = [WORDS[0], WORDS[5]];
    const expected = Array.from({ length: PRODUCT_COUNT }, (_, n) => n)
      .filter((n) => {
        const name = [WORDS[n % WORDS.length], WORDS[(n >> 2) % WORDS.length]];
        return n % 10 !== 0 && words.every((word) => name.includes(word));
      })
      .map((n) => `p-${n}`)
      .sort();
    expect(expected.length).toBeGreaterThan(30);
    for (const limit of [7, 1_000]) {
      const found: string[] = [];
      for (let after: SearchPosition | undefined; ; ) {
        const page = await products.search(query(words.join(' ')), { limit, ...(after && { after }) });
        found.push(...page.map(({ sku }) => sku));
        after = page.at(-1);
        if (page.length < limit) break;
      }
      expect(found).toEqual(expected);
    }
  });

  test('a search reads a range of terms in index order', async () => {
    plans.length = 0;
    await recorded.products.search(query('walnut oak'), { limit: 21 });
    const first = (await Promise.all(plans)).flat().find((step) => /^(t:|SEARCH t )/.test(step));
    expect(first).toMatch(
      dialect === 'mysql'
        ? /^t: type range, key PRIMARY/
        : /^SEARCH t USING (INDEX|PRIMARY KEY).*\(\(term,sku\)>\(\?,\?\) AND \(term,sku\)<\(\?,\?\)\)/,
    );
  });
});

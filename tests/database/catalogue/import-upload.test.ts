import { createProductImport, type ProductFile } from '../../../services/catalogue/imports';
import { createApiContext } from '../../harness/http/api-context';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { queryNumber, queryRows } from '../orders/sample-orders';

const ROW_COUNT = 10_300;

/** A file that arrives in parts. */
const createProductFile = (text: string): ProductFile => {
  const bytes = Buffer.from(text);
  async function* readParts() {
    for (let i = 0; i < bytes.length; i += 10_000) yield bytes.subarray(i, i + 10_000);
  }
  return { announcedBytes: 0, bytes: readParts() };
};

describe.each(DIALECTS)('a large upload on %s', (dialect) => {
  const statements: string[] = [];
  let shop: TestStore;
  beforeAll(async () => {
    shop = await createTestStore(dialect, { onStatement: (sql) => statements.push(sql) });
  });
  afterAll(() => shop.close());

  test('is stored completely and in order, with one transaction for several chunks', async () => {
    const lines = Array.from({ length: ROW_COUNT }, (_, n) => `sku-${n},Board,1.00`);
    const ctx = createApiContext({ store: shop.store });
    statements.length = 0;
    const { productImport } = await createProductImport(
      ctx,
      createProductFile(['sku,name,price', ...lines].join('\n')),
      {
        actor: { kind: 'system' },
        idempotencyKey: undefined,
      },
    );
    // One to create the import, three for at most eight chunks each, one to complete it.
    expect(statements.filter((sql) => /COMMIT/.test(sql))).toHaveLength(1 + 3 + 1);
    expect(productImport).toMatchObject({ status: 'received', rows: ROW_COUNT, chunks: 21 });
    const stored = await queryRows(
      shop.db,
      `SELECT chunk, body FROM product_import_chunks WHERE import_id = '${productImport.id}' ORDER BY chunk`,
    );
    const rows = stored.flatMap(({ body }) => JSON.parse(String(body)) as [number, string][]);
    expect(rows.map(([line, sku]) => [line, sku])).toEqual(lines.map((_, n) => [n + 2, `sku-${n}`]));
    expect(stored.map(({ chunk }) => chunk)).toEqual(Array.from({ length: 21 }, (_, n) => n));
    expect(await queryNumber(shop.db, 'SELECT COUNT(*) FROM product_imports')).toBe(1);
  });
});

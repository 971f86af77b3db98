import type { Request } from 'express';
import { receiveImport } from '../../../services/catalogue/imports';
import { apiContext } from '../../harness/http/api-context';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { numberOf, rowsOf } from '../orders/sample-orders';

const ROWS = 10_300;

/** A request whose body comes in parts. */
const requestOf = (text: string): Request =>
  ({
    get: () => undefined,
    async *iterator() {
      const bytes = Buffer.from(text);
      for (let i = 0; i < bytes.length; i += 10_000) yield bytes.subarray(i, i + 10_000);
    },
  }) as unknown as Request;

describe.each(DIALECTS)('a large upload on %s', (dialect) => {
  const statements: string[] = [];
  let shop: TestStore;
  beforeAll(async () => {
    shop = await createTestStore(dialect, { onStatement: (sql) => statements.push(sql) });
  });
  afterAll(() => shop.close());

  test('waits for the database a few times, not once for each chunk, and is stored whole and in order', async () => {
    const lines = Array.from({ length: ROWS }, (_, n) => `sku-${n},Board,1.00`);
    const ctx = apiContext({ store: shop.store });
    statements.length = 0;
    const { found } = await receiveImport(ctx, requestOf(['sku,name,price', ...lines].join('\n')), {
      actor: { kind: 'system' },
      idempotencyKey: undefined,
    });
    // Opening, three times eight chunks at the most, completing.
    expect(statements.filter((sql) => /COMMIT/.test(sql))).toHaveLength(1 + 3 + 1);
    expect(found).toMatchObject({ status: 'received', rows: ROWS, chunks: 21 });
    const stored = await rowsOf(
      shop.db,
      `SELECT chunk, body FROM product_import_chunks WHERE import_id = '${found.id}' ORDER BY chunk`,
    );
    const rows = stored.flatMap(({ body }) => JSON.parse(String(body)) as [number, string][]);
    expect(rows.map(([line, sku]) => [line, sku])).toEqual(lines.map((_, n) => [n + 2, `sku-${n}`]));
    expect(stored.map(({ chunk }) => chunk)).toEqual(Array.from({ length: 21 }, (_, n) => n));
    expect(await numberOf(shop.db, 'SELECT COUNT(*) FROM product_imports')).toBe(1);
  });
});

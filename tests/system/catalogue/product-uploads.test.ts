import { request as send } from 'node:http';
import { ulid } from 'ulid';
import type { Product } from '../../../api/catalogue/schemas';
import { connect, type Database } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import { eventually } from '../../harness/eventually';
import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { expectProblem, type Problem } from '../orders/orders';
import {
  buildImportRow,
  CSV_HEADERS,
  IMPORT_HEADER_ROW,
  uploadAcceptedImport,
  uploadImport,
  waitForImport,
} from './catalogue';

const ROW_COUNT = 2_000;

describe.each(DIALECTS)('product import uploads on %s', (dialect) => {
  let system: System;
  let db: Database;
  beforeAll(async () => {
    system = await startSystem({ dialect });
    db = connect({ url: system.env.DATABASE_URL ?? '', poolSize: 2 });
  });
  afterAll(async () => {
    await db?.close();
    await system?.close();
  });

  const countRows = async (sql: string, params = {}): Promise<number> => {
    const [row] = await select<{ n: number }>(db, `SELECT COUNT(*) AS n FROM ${sql}`, params);
    return Number(row?.n);
  };
  const getProduct = async (sku: string): Promise<Product> =>
    (await system.request<Product>(`/api/products/${sku}?active=all`)).body;

  test('replays the import for the same key and file; rejects the key with another file', async () => {
    const key = { 'idempotency-key': ulid() };
    const lines = [IMPORT_HEADER_ROW, buildImportRow(1, `e-${dialect}`)];
    const first = await uploadAcceptedImport(system, lines, key);
    await waitForImport(system, first.id);
    const replayed = await uploadImport(system, lines, key);
    expect([replayed.status, replayed.body.id, replayed.headers['idempotent-replayed']]).toEqual([
      202,
      first.id,
      'true',
    ]);
    expect(replayed.body).toMatchObject({ status: 'completed', created: 1 });
    expectProblem(
      await uploadImport(system, [...lines, buildImportRow(2, `e-${dialect}`)], key),
      422,
      'idempotency_key_reused',
    );
    expect(await getProduct(`e-${dialect}-1`)).toMatchObject({ version: 1 });
    expectProblem(await system.request(`/api/products/e-${dialect}-2`), 404, 'not_found');
  });

  test('applies one of several concurrent uploads with the same key', async () => {
    const key = { 'idempotency-key': ulid() };
    const rows = Array.from({ length: ROW_COUNT }, (_, n) => buildImportRow(n, `f-${dialect}`));
    const responses = await Promise.all(
      [1, 2, 3].map(() => uploadImport(system, [IMPORT_HEADER_ROW, ...rows], key)),
    );
    const accepted = responses.filter(({ status }) => status === 202);
    expect(accepted.length).toBeGreaterThan(0);
    for (const response of responses)
      if (response.status !== 202) expectProblem(response, 409, 'upload_superseded');
    expect(new Set(accepted.map(({ body }) => body.id)).size).toBe(1);
    expect(await waitForImport(system, accepted[0]?.body.id ?? '')).toMatchObject({
      created: ROW_COUNT,
      unchanged: 0,
    });
  });

  test('an aborted upload stores nothing, and its key can be used again', async () => {
    const key = { 'idempotency-key': ulid() };
    const lines = [
      IMPORT_HEADER_ROW,
      ...Array.from({ length: 4_200 }, (_, n) => buildImportRow(n, `g-${dialect}`)),
    ];
    const countUploads = () => countRows("product_imports WHERE status = 'uploading'");
    const url = new URL(`${system.url}/api/products/import`);
    const upload = send(url, {
      method: 'POST',
      headers: {
        ...CSV_HEADERS,
        ...key,
        authorization: `Bearer ${system.token}`,
        'content-length': '1000000',
      },
    });
    upload.on('error', () => undefined);
    upload.write(lines.join('\n'));
    await eventually('the upload to start', async () => (await countUploads()) === 1);
    await eventually('the first chunks', async () => (await countRows('product_import_chunks')) === 8);
    upload.destroy();
    await eventually('the upload to be deleted', async () => (await countUploads()) === 0);
    expect(await countRows('product_import_chunks')).toBe(0);
    expectProblem(await system.request(`/api/products/g-${dialect}-1`), 404, 'not_found');
    expect(await waitForImport(system, (await uploadAcceptedImport(system, lines, key)).id)).toMatchObject({
      created: 4_200,
    });
  });

  test.each<[label: string, body: string, code: string, detail: RegExp]>([
    ['an empty file', '', 'malformed_csv', /empty/],
    ['an unknown header', 'id,titel\n1,x', 'malformed_csv', /first row/],
    ['an unclosed quote', 'sku,name,price\na,"b,1.00\n', 'malformed_csv', /[Qq]uote/],
    ['a quote inside a cell', 'sku,name,price\na,b"c,1.00\n', 'malformed_csv', /[Qq]uote/],
    ['an endless row', `sku,name,price\na,${'b'.repeat(70_000)},1.00\n`, 'malformed_csv', /record/i],
  ])('returns 400 for %s and stores nothing', async (_label, body, code, detail) => {
    const before = await countRows('product_imports');
    const problem = expectProblem(await uploadImport<Problem>(system, body), 400, code);
    expect(problem.detail).toMatch(detail);
    expect(await countRows('product_imports')).toBe(before);
  });

  test('rejects files that are not UTF-8, not CSV or too large, and missing credentials', async () => {
    const latin = { raw: Buffer.from('sku,name,price\na,Br\xfccke,1.00', 'latin1'), headers: CSV_HEADERS };
    const problem = expectProblem(await system.request('/api/products/import', latin), 400, 'malformed_csv');
    expect(problem.detail).toBe('The file is not UTF-8.');
    for (const type of ['application/json', 'text/csv; charset=latin1', 'text/plain']) {
      expectProblem(
        await uploadImport(system, '{}', { 'content-type': type }),
        415,
        'unsupported_media_type',
      );
    }
    expectProblem(
      await uploadImport(system, 'x', { 'content-encoding': 'gzip' }),
      415,
      'unsupported_media_type',
    );
    const many = ['sku', ...Array.from({ length: 100_001 }, () => 'a')];
    expectProblem(await uploadImport(system, many), 413, 'payload_too_large');
    const large = { raw: Buffer.alloc(33 * 1024 * 1024, 'sku,name\n'), headers: CSV_HEADERS };
    expectProblem(await system.request('/api/products/import', large), 413, 'payload_too_large');
    const unauthenticated = { authorization: '' };
    expectProblem(await uploadImport(system, IMPORT_HEADER_ROW, unauthenticated), 401, 'unauthenticated');
    expect(await countRows("product_imports WHERE status = 'uploading'")).toBe(0);
  });
});

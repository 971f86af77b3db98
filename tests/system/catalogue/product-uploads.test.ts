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

describe.each(DIALECTS)('uploads of files of products on %s', (dialect) => {
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

  const count = async (sql: string, params = {}): Promise<number> => {
    const [found] = await select<{ n: number }>(db, `SELECT COUNT(*) AS n FROM ${sql}`, params);
    return Number(found?.n);
  };
  const product = async (sku: string): Promise<Product> =>
    (await system.request<Product>(`/api/products/${sku}?active=all`)).body;

  test('the same key and file are one import; the same key with another file is refused', async () => {
    const key = { 'idempotency-key': ulid() };
    const lines = [IMPORT_HEADER_ROW, buildImportRow(1, `e-${dialect}`)];
    const first = await uploadAcceptedImport(system, lines, key);
    await waitForImport(system, first.id);
    const again = await uploadImport(system, lines, key);
    expect([again.status, again.body.id, again.headers['idempotent-replayed']]).toEqual([
      202,
      first.id,
      'true',
    ]);
    expect(again.body).toMatchObject({ status: 'completed', created: 1 });
    expectProblem(
      await uploadImport(system, [...lines, buildImportRow(2, `e-${dialect}`)], key),
      422,
      'idempotency_key_reused',
    );
    expect(await product(`e-${dialect}-1`)).toMatchObject({ version: 1 });
    expectProblem(await system.request(`/api/products/e-${dialect}-2`), 404, 'not_found');
  });

  test('of uploads with one key at the same time one is applied', async () => {
    const key = { 'idempotency-key': ulid() };
    const rows = Array.from({ length: ROW_COUNT }, (_, n) => buildImportRow(n, `f-${dialect}`));
    const answers = await Promise.all(
      [1, 2, 3].map(() => uploadImport(system, [IMPORT_HEADER_ROW, ...rows], key)),
    );
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted.length).toBeGreaterThan(0);
    for (const answer of answers) if (answer.status !== 202) expectProblem(answer, 409, 'upload_superseded');
    expect(new Set(accepted.map(({ body }) => body.id)).size).toBe(1);
    expect(await waitForImport(system, accepted[0]?.body.id ?? '')).toMatchObject({
      created: ROW_COUNT,
      unchanged: 0,
    });
  });

  test('an upload that breaks off leaves nothing, and its key begins anew', async () => {
    const key = { 'idempotency-key': ulid() };
    const lines = [
      IMPORT_HEADER_ROW,
      ...Array.from({ length: 4_200 }, (_, n) => buildImportRow(n, `g-${dialect}`)),
    ];
    const uploads = () => count("product_imports WHERE status = 'uploading'");
    const url = new URL(`${system.url}/api/products/import`);
    const broken = send(url, {
      method: 'POST',
      headers: {
        ...CSV_HEADERS,
        ...key,
        authorization: `Bearer ${system.token}`,
        'content-length': '1000000',
      },
    });
    broken.on('error', () => undefined);
    broken.write(lines.join('\n'));
    await eventually('the upload begun', async () => (await uploads()) === 1);
    await eventually('its first chunks', async () => (await count('product_import_chunks')) === 8);
    broken.destroy();
    await eventually('nothing of it left', async () => (await uploads()) === 0);
    expect(await count('product_import_chunks')).toBe(0);
    expectProblem(await system.request(`/api/products/g-${dialect}-1`), 404, 'not_found');
    expect(await waitForImport(system, (await uploadAcceptedImport(system, lines, key)).id)).toMatchObject({
      created: 4_200,
    });
  });

  test.each<[what: string, body: string, code: string, detail: RegExp]>([
    ['nothing', '', 'malformed_csv', /empty/],
    ['a header of other things', 'id,titel\n1,x', 'malformed_csv', /first row/],
    ['a quote that is not closed', 'sku,name,price\na,"b,1.00\n', 'malformed_csv', /[Qq]uote/],
    ['a quote in the middle', 'sku,name,price\na,b"c,1.00\n', 'malformed_csv', /[Qq]uote/],
    ['a row without an end', `sku,name,price\na,${'b'.repeat(70_000)},1.00\n`, 'malformed_csv', /record/i],
  ])('%s is refused with 400, and nothing is stored', async (_what, body, code, detail) => {
    const before = await count('product_imports');
    const problem = expectProblem(await uploadImport<Problem>(system, body), 400, code);
    expect(problem.detail).toMatch(detail);
    expect(await count('product_imports')).toBe(before);
  });

  test('what is no text of UTF-8, no CSV or too large is refused', async () => {
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
    const nobody = { authorization: '' };
    expectProblem(await uploadImport(system, IMPORT_HEADER_ROW, nobody), 401, 'unauthenticated');
    expect(await count("product_imports WHERE status = 'uploading'")).toBe(0);
  });
});

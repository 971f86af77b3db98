import { ulid } from 'ulid';
import type { Product, ProductImport } from '../../../api/catalogue/schemas';
import { connect, type Database } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import { createTemporalClient } from '../../../integrations/temporal/connect';
import { eventually } from '../../harness/eventually';
import { DIALECTS } from '../../harness/servers/databases';
import { getServerConfig } from '../../harness/servers/server-config';
import { type System, startSystem } from '../../harness/servers/system';
import { expectProblem } from '../orders/orders';
import {
  buildImportRow,
  getImport,
  IMPORT_HEADER_ROW,
  listEvents,
  uploadAcceptedImport,
  waitForImport,
} from './catalogue';

const ROW_COUNT = 2_000;

describe.each(DIALECTS)('product imports on %s', (dialect) => {
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

  test('a file creates and updates products and leaves unchanged products alone', async () => {
    const buildRows = (price: (n: number) => string) =>
      Array.from({ length: 600 }, (_, n) => buildImportRow(n, `a-${dialect}`, price(n)));
    const first = await uploadAcceptedImport(system, [IMPORT_HEADER_ROW, ...buildRows((n) => `${n}.5`)]);
    expect(first).toMatchObject({ status: 'received', rows: 600, done: 0, percent: 0 });
    expect(await waitForImport(system, first.id)).toMatchObject({
      ...{ status: 'completed', rows: 600, done: 600, percent: 100 },
      ...{ created: 600, updated: 0, unchanged: 0, faulty: 0, faults: [], failure: null },
    });
    expect(await getProduct(`a-${dialect}-7`)).toMatchObject({
      name: 'Board 7',
      description: 'Cut, planed',
      price: { amount: 750, currency: 'EUR' },
      weightGrams: 7,
      imageUrl: '/b/7.webp',
      attributes: { wood: 'oak' },
      active: true,
      version: 1,
    });
    const second = await uploadAcceptedImport(system, [
      IMPORT_HEADER_ROW,
      ...buildRows((n) => (n < 10 ? '1.00' : `${n}.50`)),
    ]);
    expect(await waitForImport(system, second.id)).toMatchObject({ created: 0, updated: 10, unchanged: 590 });
    expect(await getProduct(`a-${dialect}-7`)).toMatchObject({ price: { amount: 100 }, version: 2 });
    expect(await getProduct(`a-${dialect}-70`)).toMatchObject({ version: 1 });

    const events = await listEvents(system, `product:a-${dialect}-7`);
    expect(events.map(({ type, actor }) => [type, actor])).toEqual([
      ['ProductCreated', system.machineActor],
      ['ProductUpdated', system.machineActor],
    ]);
    const importEvents = await listEvents(system, second.id);
    expect(importEvents.map(({ type, data }) => [type, data])).toEqual([
      ['ProductImportStarted', { rows: 600, chunks: 2, bodyHash: expect.stringMatching(/^[0-9a-f]{64}$/) }],
      ['ProductImportFinished', { status: 'completed', created: 0, updated: 10, unchanged: 590, faulty: 0 }],
    ]);
    expect(
      await countRows('product_import_chunks WHERE import_id IN (:ids)', { ids: [first.id, second.id] }),
    ).toBe(0);
  });

  test('applies valid rows and reports invalid rows by line; the last row of a SKU wins', async () => {
    const p = `b-${dialect}`;
    const { id } = await uploadAcceptedImport(system, [
      'sku,name,price,active,attr.size',
      `${p}-1,One,1.00,,`,
      `${p}-2,"Two`,
      `lines",2.00,,`,
      `${p}-3,,3.00,,`,
      `Upper,Four,4,maybe,`,
      ``,
      `${p}-5,Five,"5,00",,`,
      `${p}-6,Six,6.005,,`,
      `${p}-7,Seven`,
      `${p}-1,One again,1.10,false,XL`,
    ]);
    const result = await waitForImport(system, id);
    expect(result).toMatchObject({ status: 'completed', rows: 8, created: 1, updated: 1, faulty: 6 });
    const price = 'must be an amount of EUR such as 419.00';
    expect(result.faults).toEqual([
      { line: 3, sku: `${p}-2`, field: 'name', detail: 'must be one line of 1 to 200 characters' },
      { line: 5, sku: `${p}-3`, field: 'name', detail: 'must be one line of 1 to 200 characters' },
      { line: 6, field: 'sku', detail: expect.stringContaining('lower-case') },
      { line: 6, field: 'active', detail: 'must be true or false' },
      { line: 8, sku: `${p}-5`, field: 'price', detail: price },
      { line: 9, sku: `${p}-6`, field: 'price', detail: price },
      { line: 10, field: 'row', detail: 'has 2 cells, the header has 5' },
    ]);
    expect(await getProduct(`${p}-1`)).toMatchObject({
      name: 'One again',
      price: { amount: 110 },
      active: false,
      attributes: { size: 'XL' },
      version: 2,
    });
    expect((await listEvents(system, `product:${p}-1`)).map((e) => e.data.version)).toEqual([1, 2]);
  });

  test('a file with prices only changes prices only', async () => {
    const p = `c-${dialect}`;
    await waitForImport(
      system,
      (await uploadAcceptedImport(system, [IMPORT_HEADER_ROW, buildImportRow(1, p)])).id,
    );
    const before = await getProduct(`${p}-1`);
    const result = await waitForImport(
      system,
      (await uploadAcceptedImport(system, ['sku,price', `${p}-1,8.00`, `${p}-2,9.00`])).id,
    );
    expect(result).toMatchObject({ updated: 1, faulty: 1 });
    expect(result.faults).toEqual([
      { line: 3, sku: `${p}-2`, field: 'name', detail: 'is required for a new product' },
    ]);
    expect(await getProduct(`${p}-1`)).toEqual({
      ...before,
      price: { amount: 800, currency: 'EUR' },
      version: 2,
      updatedAt: expect.any(String),
    });
  });

  test('stores the first thousand row errors and counts all', async () => {
    const rows = Array.from({ length: 1_300 }, (_, n) => `d-${dialect}-${n},Board,free`);
    const result = await waitForImport(
      system,
      (await uploadAcceptedImport(system, ['sku,name,price', ...rows])).id,
    );
    expect(result).toMatchObject({ status: 'completed', faulty: 1_300, created: 0 });
    expect(result.faults.map((f) => f.line)).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 2));
  });

  test('an import resumes after a kill and applies no row twice', async () => {
    const p = `k-${dialect}`;
    // Each SKU has two rows with different prices, so a row applied twice would create another version.
    const rows = [1, 2].flatMap((price) =>
      Array.from({ length: ROW_COUNT }, (_, n) => buildImportRow(n, p, `${price}.00`)),
    );
    const { id } = await uploadAcceptedImport(system, [IMPORT_HEADER_ROW, ...rows]);
    const { done } = await eventually('a chunk to be applied', async () => {
      const progress = await getImport(system, id);
      return progress.done > 0 && progress;
    });
    expect(done).toBeLessThan(2 * ROW_COUNT);
    await system.restart();
    expect(await waitForImport(system, id)).toMatchObject({
      ...{ status: 'completed', done: 2 * ROW_COUNT },
      ...{ created: ROW_COUNT, updated: ROW_COUNT, unchanged: 0, faulty: 0 },
    });
    expect(await countRows(`products WHERE sku LIKE '${p}-%' AND version = 2 AND price_minor = 200`)).toBe(
      ROW_COUNT,
    );
    const stream = `product:${p}-%`;
    expect(await countRows('events WHERE stream LIKE :stream', { stream })).toBe(2 * ROW_COUNT);
    expect(await countRows('events WHERE stream = :id', { id })).toBe(2);
  });

  test('another process starts an import whose process was killed before it started the workflow', async () => {
    const { id } = await uploadAcceptedImport(system, [IMPORT_HEADER_ROW, buildImportRow(1, `l-${dialect}`)]);
    await waitForImport(system, id);
    // The state after a kill between storing the import and starting its workflow.
    const orphanedId = `imp_${ulid()}`;
    await db.write(async (tx) => {
      const query = (sql: string) => db.send(sql, [], tx);
      await query(
        `INSERT INTO product_imports (id, body_hash, actor, currency, csv_columns, status, row_count, chunk_count,
           created_at_ms, updated_at_ms)
         SELECT '${orphanedId}', body_hash, actor, currency, csv_columns, 'received', 1, 1, 1, 1
         FROM product_imports WHERE id = '${id}'`,
      );
      const body = JSON.stringify([
        [2, ...buildImportRow(2, `l-${dialect}`).replaceAll('"Cut, planed"', 'x').split(',')],
      ]);
      await query(
        `INSERT INTO product_import_chunks (import_id, chunk, row_count, body) VALUES ('${orphanedId}', 0, 1, '${body}')`,
      );
    });
    expect(await waitForImport(system, orphanedId)).toMatchObject({ status: 'completed', created: 1 });
    expect(await getProduct(`l-${dialect}-2`)).toMatchObject({ name: 'Board 2' });
  });

  test('a Temporal cancel stops an import after the current chunk and keeps the applied rows', async () => {
    const temporal = createTemporalClient({
      address: getServerConfig().temporalAddress,
      namespace: 'default',
    });
    try {
      const p = `m-${dialect}`;
      const rows = Array.from({ length: 10 * ROW_COUNT }, (_, n) => buildImportRow(n, p));
      const { id } = await uploadAcceptedImport(system, [IMPORT_HEADER_ROW, ...rows]);
      await eventually('a chunk to be applied', async () => (await getImport(system, id)).done > 0);
      await temporal.workflow.getHandle(id).cancel();
      const result = await waitForImport(system, id);
      expect(result.status).toBe('cancelled');
      expect(result.done).toBeLessThan(10 * ROW_COUNT);
      expect(result.done % 500).toBe(0);
      expect(result.created).toBe(result.done);
      expect(await countRows(`products WHERE sku LIKE '${p}-%'`)).toBe(result.done);
      await eventually(
        'the workflow to be cancelled',
        async () => (await temporal.workflow.getHandle(id).describe()).status.name === 'CANCELLED',
      );
      expect(await countRows('product_import_chunks WHERE import_id = :id', { id })).toBe(0);
    } finally {
      await temporal.connection.close();
    }
  });

  test('lists imports newest first with cursors', async () => {
    const imports = await system.listAll<ProductImport>('/api/products/imports', 'limit=3');
    for (const listed of imports) expect(Object.keys(listed)).not.toContain('faults');
    const ids = imports.map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(5);
    expect(ids).toEqual(ids.toSorted().reverse());
    for (const id of ['imp_x', `imp_${'0'.repeat(26)}`]) {
      expectProblem(await system.request(`/api/products/imports/${id}`), 404, 'not_found');
    }
    expectProblem(await system.request('/api/products/imports?cursor=x'), 400, 'invalid_cursor');
  });
});

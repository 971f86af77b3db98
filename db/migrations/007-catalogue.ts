import { addTerms } from '../catalogue/product-terms';
import type { Database } from '../core/connect';
import { execute, limit, select } from '../core/sql';
import type { Migration } from './migration';

/** Products that people maintain and search, and files of them. */
export const up: Migration = async ({ run, type, dialect, db }) => {
  const { id, int, timestampMs, code, text, largeText } = type;

  await run(`ALTER TABLE products ADD COLUMN image_url ${text(1000)} NULL`);
  await run(`ALTER TABLE products ADD COLUMN attributes ${largeText} NULL`);
  await run(`ALTER TABLE products ADD COLUMN created_at_ms ${timestampMs} NULL`);
  await run('UPDATE products SET created_at_ms = updated_at_ms WHERE created_at_ms IS NULL');
  await run('CREATE INDEX products_by_active ON products (active, sku)');

  // Clustered by its key in both: a search reads a range of it and nothing else.
  await run(`CREATE TABLE product_terms (
    term ${text(32)} NOT NULL,
    sku ${id} NOT NULL,
    PRIMARY KEY (term, sku)
  )${dialect === 'sqlite' ? ' WITHOUT ROWID' : ''}`);
  await run('CREATE INDEX product_terms_of_product ON product_terms (sku, term)');
  await addTermsOfAll(db);

  await run(`CREATE TABLE product_imports (
    id ${id} PRIMARY KEY,
    caller ${id} NOT NULL,
    idempotency_key ${code(255)} NULL,
    body_hash ${code(64)} NULL,
    actor ${largeText} NOT NULL,
    currency ${code(3)} NOT NULL,
    csv_columns ${largeText} NULL,
    status ${code(16)} NOT NULL,
    row_count ${int} NOT NULL DEFAULT 0,
    chunk_count ${int} NOT NULL DEFAULT 0,
    applied_chunks ${int} NOT NULL DEFAULT 0,
    done_rows ${int} NOT NULL DEFAULT 0,
    created ${int} NOT NULL DEFAULT 0,
    updated ${int} NOT NULL DEFAULT 0,
    unchanged ${int} NOT NULL DEFAULT 0,
    faulty ${int} NOT NULL DEFAULT 0,
    failure ${text(300)} NULL,
    created_at_ms ${timestampMs} NOT NULL,
    updated_at_ms ${timestampMs} NOT NULL,
    ended_at_ms ${timestampMs} NULL,
    UNIQUE (caller, idempotency_key)
  )`);
  await run('CREATE INDEX product_imports_by_status ON product_imports (status, id)');
  await run(`CREATE TABLE product_import_chunks (
    import_id ${id} NOT NULL,
    chunk ${int} NOT NULL,
    row_count ${int} NOT NULL,
    body ${largeText} NOT NULL,
    PRIMARY KEY (import_id, chunk)
  )`);
  await run(`CREATE TABLE product_import_errors (
    import_id ${id} NOT NULL,
    n ${int} NOT NULL,
    line ${int} NOT NULL,
    sku ${id} NULL,
    field ${text(100)} NOT NULL,
    detail ${text(300)} NOT NULL,
    PRIMARY KEY (import_id, n)
  )`);
};

const PAGE = 500;

/** What the products that are there are found by. Safe to run again where it was killed. */
async function addTermsOfAll(db: Database): Promise<void> {
  for (let after = ''; ; ) {
    const products = await select<{ sku: string; name: string; description: string }>(
      db,
      `SELECT sku, name, description FROM products WHERE sku > :after ORDER BY sku${limit(PAGE)}`,
      { after },
    );
    const last = products.at(-1);
    if (last === undefined) return;
    const skus = products.map(({ sku }) => sku);
    const found = products.map((product) => ({ ...product, attributes: {} }));
    await execute(db, 'DELETE FROM product_terms WHERE sku IN (:skus)', { skus });
    await addTerms(db, found);
    after = last.sku;
  }
}

export const down: Migration = async ({ run, dialect }) => {
  await run('DROP TABLE product_import_errors');
  await run('DROP TABLE product_import_chunks');
  await run('DROP TABLE product_imports');
  await run('DROP TABLE product_terms');
  await run(`DROP INDEX products_by_active${dialect === 'mysql' ? ' ON products' : ''}`);
  await run('ALTER TABLE products DROP COLUMN created_at_ms');
  await run('ALTER TABLE products DROP COLUMN attributes');
  await run('ALTER TABLE products DROP COLUMN image_url');
};

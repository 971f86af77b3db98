import type { Migration } from '../migration';

/** Products, the terms that search finds them by, and imported files. */
export const createCatalogueTables: Migration = async ({ run, type, dialect }) => {
  const { id, text, int, timestampMs, code, largeText } = type;

  await run(`CREATE TABLE products (
    sku ${id} PRIMARY KEY,
    name ${text(200)} NOT NULL,
    description ${text(2000)} NOT NULL,
    price_minor ${int} NOT NULL CHECK (price_minor >= 0),
    currency ${code(3)} NOT NULL,
    tax_class ${code(16)} NOT NULL,
    weight_grams ${int} NOT NULL,
    image_url ${text(1000)} NULL,
    attributes ${largeText} NOT NULL,
    active ${int} NOT NULL DEFAULT 1,
    version ${int} NOT NULL DEFAULT 1,
    created_at_ms ${timestampMs} NOT NULL,
    updated_at_ms ${timestampMs} NOT NULL
  )`);
  await run('CREATE INDEX products_by_active ON products (active, sku)');

  // Clustered by its key in both dialects: a search reads one range of the key and nothing else.
  await run(`CREATE TABLE product_terms (
    term ${text(32)} NOT NULL,
    sku ${id} NOT NULL,
    PRIMARY KEY (term, sku)
  )${dialect === 'sqlite' ? ' WITHOUT ROWID' : ''}`);
  await run('CREATE INDEX product_terms_by_sku ON product_terms (sku, term)');

  // One row, replaced by every change of products.
  await run(`CREATE TABLE catalogue_version (
    id ${int} PRIMARY KEY,
    version ${id} NOT NULL
  )`);

  await run(`CREATE TABLE product_imports (
    id ${id} PRIMARY KEY,
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
    ended_at_ms ${timestampMs} NULL
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
    seq ${int} NOT NULL,
    line ${int} NOT NULL,
    sku ${id} NULL,
    field ${text(100)} NOT NULL,
    detail ${text(300)} NOT NULL,
    PRIMARY KEY (import_id, seq)
  )`);
};

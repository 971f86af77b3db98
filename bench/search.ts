import { connect, type Database } from '../db/connect';
import { addTerms } from '../db/product-terms';
import { execute, select } from '../db/sql';
import type { Report } from './figures';
import { call } from './http';
import { measure } from './load';
import type { Servers } from './servers';

const PRODUCTS = 100_000;
const CHUNK = 10_000;
const TOTAL = 2_000;
const CONNECTIONS = 50;

/** One product in ten is made of each, and one in twenty is each of the others: words that are common, and a pair of them. */
const MATERIALS = 'walnut oak ash beech linen wool brass copper glass stone'.split(' ');
const THINGS =
  'desk chair lamp shelf stool table bench clock frame mirror basket bowl vase tray rug hook box rack stand mat'.split(
    ' ',
  );
const of = (words: readonly string[], n: number): string => words[n % words.length] ?? '';

const SEARCHES: [what: string, query: string][] = [
  ['one product by its number', 'q=number77777'],
  ['a common word', 'q=walnut'],
  ['two common words', 'q=walnut+lamp'],
  ['the beginnings of words', 'q=wal+la'],
  ['a common word with one that there is not', 'q=walnut+zzz'],
];

/** Searches of a large catalogue over HTTP, beside bare Express with the same queries. */
export async function measureSearch(
  { apiUrl, bareUrl, databaseUrl }: Servers,
  report: Report,
): Promise<void> {
  const db = connect({ url: databaseUrl });
  try {
    await fill(db);
  } finally {
    await db.close();
  }
  for (const [what, query] of SEARCHES) {
    const search = (url: string) => measure(CONNECTIONS, TOTAL, () => call(url, 200));
    const theirs = await search(`${bareUrl}/search?${query}`);
    const ours = await search(`${apiUrl}/api/products?${query}`);
    report({
      what: `searches for ${what} in ${PRODUCTS.toLocaleString('en')} products, ${CONNECTIONS} connections`,
      ours: ours.perSecond,
      unit: '/s',
      reference: 'bare Express, same query',
      theirs: theirs.perSecond,
      aim: { atLeast: 0.8 },
    });
    report({
      what: `search for ${what}, 99th percentile`,
      ours: ours.p99Ms,
      unit: 'ms',
      aim: { atMost: 100 },
    });
  }
}

async function fill(db: Database): Promise<void> {
  const mysql = db.dialect === 'mysql';
  for (let first = 0; first < PRODUCTS; first += CHUNK) {
    const products = Array.from({ length: CHUNK }, (_, i) => {
      const n = first + i;
      const name = `${of(MATERIALS, n)} ${of(THINGS, Math.floor(n / 7))}`;
      return { sku: `bench-${n}`, name, description: `number${n}, made by hand`, attributes: {} };
    });
    const rows = JSON.stringify(products.map(({ sku, name, description }) => [sku, name, description]));
    const from = mysql
      ? `SELECT sku, name, description, 1000, 'EUR', 'standard', 100, 1 FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
           sku VARCHAR(190) PATH '$[0]', name VARCHAR(200) PATH '$[1]', description VARCHAR(2000) PATH '$[2]')) AS given`
      : `SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
           1000, 'EUR', 'standard', 100, 1 FROM json_each(:rows)`;
    await db.write(async (tx) => {
      await execute(
        db,
        `INSERT INTO products
           (sku, name, description, price_minor, currency, tax_class, weight_grams, updated_at_ms) ${from}`,
        { rows },
        tx,
      );
      await addTerms(db, products, tx);
    });
  }
  await select(db, mysql ? 'ANALYZE TABLE products, product_terms' : 'SELECT 1');
}

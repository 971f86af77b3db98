import { connect } from '../db/core/connect';
import { select } from '../db/core/sql';
import { fillCatalogue } from './catalogue';
import type { Report } from './figures';
import { measureRead } from './reads';
import type { Servers } from './servers';

const PRODUCTS = 100_000;
const CHUNK = 10_000;
const TOTAL = 2_000;
const CONNECTIONS = 50;

const SEARCHES: [what: string, query: string][] = [
  ['one product by its number', 'q=number77777'],
  ['a common word', 'q=walnut'],
  ['two common words', 'q=walnut+lamp'],
  ['two common words that no product has both', 'q=walnut+linen'],
  ['the beginnings of words', 'q=wal+la'],
  ['a common word with one that there is not', 'q=walnut+zzz'],
];

/** Searches of a large catalogue over HTTP, beside bare Express with the same queries. */
export async function measureSearch(servers: Servers, report: Report): Promise<void> {
  const db = connect({ url: servers.databaseUrl });
  try {
    await fillCatalogue(db, { prefix: 'bench', products: PRODUCTS, chunk: CHUNK });
    await select(db, db.dialect === 'mysql' ? 'ANALYZE TABLE products, product_terms' : 'SELECT 1');
  } finally {
    await db.close();
  }
  for (const [what, query] of SEARCHES) {
    const p99Ms = await measureRead(servers, report, {
      what: `searches for ${what} in ${PRODUCTS.toLocaleString('en')} products, ${CONNECTIONS} connections`,
      ours: `/api/products?${query}`,
      theirs: `/search?${query}`,
      headers: {},
      connections: CONNECTIONS,
      total: TOTAL,
    });
    report({
      what: `search for ${what}, 99th percentile`,
      ours: p99Ms,
      unit: 'ms',
      aim: { atMost: 100 },
    });
  }
}

import { connect } from '../../db/core/connect';
import { select } from '../../db/core/sql';
import { fillCatalogue } from '../harness/catalogue';
import type { Reporter } from '../harness/results';
import type { Servers } from '../harness/servers';
import { measureRead } from './reads';

const PRODUCT_COUNT = 100_000;
const CHUNK_SIZE = 10_000;
const REQUEST_COUNT = 2_000;
const CONNECTION_COUNT = 50;

const SEARCHES: [name: string, query: string][] = [
  ['one product by its number', 'q=number77777'],
  ['a common word', 'q=walnut'],
  ['two common words', 'q=walnut+lamp'],
  ['two common words that no product shares', 'q=walnut+linen'],
  ['prefixes', 'q=wal+la'],
  ['a common word with an unknown word', 'q=walnut+zzz'],
];

/** Measures searches of a large catalogue relative to bare Express with the same queries. */
export async function measureSearch(servers: Servers, report: Reporter): Promise<void> {
  const db = connect({ url: servers.databaseUrl });
  try {
    await fillCatalogue(db, { skuPrefix: 'bench', productCount: PRODUCT_COUNT, chunkSize: CHUNK_SIZE });
    await select(db, db.dialect === 'mysql' ? 'ANALYZE TABLE products, product_terms' : 'SELECT 1');
  } finally {
    await db.close();
  }
  for (const [name, query] of SEARCHES) {
    const p99Ms = await measureRead(servers, report, {
      name: `searches for ${name} in ${PRODUCT_COUNT.toLocaleString('en')} products, ${CONNECTION_COUNT} connections`,
      path: `/api/products?${query}`,
      referencePath: `/search?${query}`,
      headers: {},
      connections: CONNECTION_COUNT,
      total: REQUEST_COUNT,
    });
    report({
      name: `search for ${name}, 99th percentile`,
      value: p99Ms,
      unit: 'ms',
      target: { atMost: 100 },
    });
  }
}

import { connect } from '../../db/core/connect';
import { select } from '../../db/core/sql';
import { fillCatalogue } from '../harness/catalogue';
import { withSeparateCores } from '../harness/cpu-affinity';
import type { Reporter } from '../harness/results';
import type { Servers } from '../harness/servers';
import { measureRead, type ReadScenario } from './reads';

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
  await withSeparateCores('searches', Object.values(servers.pids), report, async () => {
    const measure = (
      name: string,
      query: string,
      headers: Servers['headers'],
      target: ReadScenario['target'],
    ) =>
      measureRead(servers, report, {
        name: `${name} in ${PRODUCT_COUNT.toLocaleString('en')} products`,
        path: `/api/products?${query}`,
        referencePath: `/search?${query}`,
        headers,
        connections: CONNECTION_COUNT,
        total: REQUEST_COUNT,
        target,
      });
    await measure('a repeated search', 'q=walnut', {}, { reference: 'same query', atLeast: 3 });
    for (const [name, query] of SEARCHES) {
      // With inactive products, of which there are none: such pages are not cached.
      await measure(`an uncached search for ${name}`, `${query}&active=all`, servers.headers, {
        reference: 'same query and middleware',
        atLeast: 0.8,
      });
    }
  });
}

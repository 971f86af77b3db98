import { encodeCursor } from '../../api/http/pagination';
import { connect, type Database } from '../../db/core/connect';
import { execute, select } from '../../db/core/sql';
import { customerId, orderId } from '../../domain/shared/ids';
import { get } from '../harness/http';
import { runLoad } from '../harness/load';
import type { Reporter } from '../harness/results';
import type { Servers } from '../harness/servers';

const SMALL_ORDER_COUNT = 1_000;
const LARGE_ORDER_COUNT = 1_000_000;
const CHUNK_SIZE = 20_000;
const CUSTOMER_COUNT = 25;
const CONCURRENCY = 10;
const REQUEST_COUNT = 300;

/** An id of digits is a valid ULID, older than that of any placed order. */
const toOrderId = (n: number): string => orderId(`01${String(n).padStart(24, '0')}`);

const LISTS: [name: string, query: string][] = [
  ['newest orders', ''],
  ['orders, middle page', `&cursor=${encodeCursor(toOrderId(SMALL_ORDER_COUNT / 2))}`],
  ['orders by status', '&status=rejected'],
  ['orders of a customer', `&customerId=${customerId(String(7).padStart(26, '0'))}`],
  [
    'orders of a customer by status',
    `&customerId=${customerId(String(8).padStart(26, '0'))}&status=confirmed`,
  ],
];

/** Measures the same lists over few and over many orders. */
export async function measureLists(
  { apiUrl, headers, databaseUrl }: Servers,
  report: Reporter,
): Promise<void> {
  const db = connect({ url: databaseUrl });
  try {
    const measureMedians = async () => {
      const medians: number[] = [];
      for (const [, query] of LISTS) {
        const list = () => get(`${apiUrl}/api/orders?limit=20${query}`, headers);
        medians.push((await runLoad(CONCURRENCY, REQUEST_COUNT, list)).p50Ms);
      }
      return medians;
    };
    await insertOrders(db, 1, SMALL_ORDER_COUNT);
    const smallMedians = await measureMedians();
    await insertOrders(db, SMALL_ORDER_COUNT + 1, LARGE_ORDER_COUNT);
    const largeMedians = await measureMedians();
    for (const [i, [name]] of LISTS.entries()) {
      report({
        name: `list of ${name} at ${LARGE_ORDER_COUNT.toLocaleString('en')} orders, median`,
        value: largeMedians[i] ?? 0,
        unit: 'ms',
        reference: `at ${SMALL_ORDER_COUNT.toLocaleString('en')}`,
        referenceValue: smallMedians[i] ?? 0,
        target: { atMost: 2 },
      });
    }
  } finally {
    await db.close();
  }
}

/** Inserts orders with the numbers `from` to `to`: one in ten is rejected, each of 25 customers has an equal share. */
async function insertOrders(db: Database, from: number, to: number): Promise<void> {
  const mysql = db.dialect === 'mysql';
  const text = (number: string, width: number) =>
    mysql ? `LPAD(${number}, ${width}, '0')` : `printf('%0${width}d', ${number})`;
  const concat = (prefix: string, value: string) =>
    mysql ? `CONCAT('${prefix}', ${value})` : `'${prefix}' || ${value}`;
  for (let first = from; first <= to; first += CHUNK_SIZE) {
    const last = Math.min(to, first + CHUNK_SIZE - 1);
    await db.write((tx) =>
      execute(
        db,
        `INSERT INTO orders (id, customer_id, status, payment, fulfilment, currency, subtotal_minor, discount_minor,
           shipping_method, shipping_minor, tax_minor, total_minor, tax_included, version, placed_at_ms, updated_at_ms)
         WITH RECURSIVE digits (d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM digits WHERE d < 9),
           numbers (n) AS (
             SELECT ${first} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d
             FROM digits a, digits b, digits c, digits e, digits f)
         SELECT ${concat('ord_01', text('n', 24))}, ${concat('cus_', text(`n % ${CUSTOMER_COUNT}`, 26))},
           CASE WHEN n % 10 = 3 THEN 'rejected' ELSE 'confirmed' END,
           CASE WHEN n % 10 = 3 THEN 'failed' ELSE 'paid' END,
           'unfulfilled', 'EUR', 41900, 0, 'standard', 0, 6690, 41900, 1, 2, n, n
         FROM numbers WHERE n <= ${last}`,
        {},
        tx,
      ),
    );
  }
  await select(db, mysql ? 'ANALYZE TABLE orders' : 'SELECT 1');
}

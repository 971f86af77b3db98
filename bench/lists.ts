import { encodeCursor } from '../api/http/cursors';
import { connect, type Database } from '../db/core/connect';
import { execute, select } from '../db/core/sql';
import { customerId, orderId } from '../domain/shared/ids';
import type { Report } from './figures';
import { read } from './http';
import { measure } from './load';
import type { Servers } from './servers';

const FEW = 1_000;
const MANY = 1_000_000;
const CHUNK = 20_000;
const CUSTOMERS = 25;
const CONCURRENCY = 10;
const TOTAL = 300;

/** Digits are letters of a ULID too. Older than any order that is placed, so the newest stay what they are. */
const idOf = (n: number): string => orderId(`01${String(n).padStart(24, '0')}`);

const LISTS: [what: string, query: string][] = [
  ['newest orders', ''],
  ['orders from the middle', `&cursor=${encodeCursor(idOf(FEW / 2))}`],
  ['orders by status', '&status=rejected'],
  ['orders of a customer', `&customerId=${customerId(String(7).padStart(26, '0'))}`],
  [
    'orders of a customer by status',
    `&customerId=${customerId(String(8).padStart(26, '0'))}&status=confirmed`,
  ],
];

/** The same lists over few orders and over many. */
export async function measureLists({ apiUrl, headers, databaseUrl }: Servers, report: Report): Promise<void> {
  const db = connect({ url: databaseUrl });
  try {
    const medians = async () => {
      const times: number[] = [];
      for (const [, query] of LISTS) {
        const list = () => read(`${apiUrl}/api/orders?limit=20${query}`, headers);
        times.push((await measure(CONCURRENCY, TOTAL, list)).p50Ms);
      }
      return times;
    };
    await fill(db, 1, FEW);
    const few = await medians();
    await fill(db, FEW + 1, MANY);
    const many = await medians();
    for (const [i, [what]] of LISTS.entries()) {
      report({
        what: `list of ${what} at ${MANY.toLocaleString('en')} orders, median`,
        ours: many[i] ?? 0,
        unit: 'ms',
        reference: `at ${FEW.toLocaleString('en')}`,
        theirs: few[i] ?? 0,
        aim: { atMost: 2 },
      });
    }
  } finally {
    await db.close();
  }
}

/** Rows with the numbers `from` to `to`: one in ten was rejected, each customer has one in 25. */
async function fill(db: Database, from: number, to: number): Promise<void> {
  const mysql = db.dialect === 'mysql';
  const text = (number: string, width: number) =>
    mysql ? `LPAD(${number}, ${width}, '0')` : `printf('%0${width}d', ${number})`;
  const joined = (prefix: string, value: string) =>
    mysql ? `CONCAT('${prefix}', ${value})` : `'${prefix}' || ${value}`;
  for (let first = from; first <= to; first += CHUNK) {
    const last = Math.min(to, first + CHUNK - 1);
    await db.write((tx) =>
      execute(
        db,
        `INSERT INTO orders (id, customer_id, status, payment, fulfilment, currency, subtotal_minor, discount_minor,
           shipping_minor, tax_minor, total_minor, tax_included, version, placed_at_ms, updated_at_ms)
         WITH RECURSIVE digits (d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM digits WHERE d < 9),
           numbers (n) AS (
             SELECT ${first} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d
             FROM digits a, digits b, digits c, digits e, digits f)
         SELECT ${joined('ord_01', text('n', 24))}, ${joined('cus_', text(`n % ${CUSTOMERS}`, 26))},
           CASE WHEN n % 10 = 3 THEN 'rejected' ELSE 'confirmed' END,
           CASE WHEN n % 10 = 3 THEN 'failed' ELSE 'paid' END,
           'unfulfilled', 'EUR', 41900, 0, 0, 6690, 41900, 1, 2, n, n
         FROM numbers WHERE n <= ${last}`,
        {},
        tx,
      ),
    );
  }
  await select(db, mysql ? 'ANALYZE TABLE orders' : 'SELECT 1');
}

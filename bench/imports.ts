import { setTimeout as delay, setInterval as every } from 'node:timers/promises';
import { connect } from '../db/core/connect';
import { descriptionOf, fillCatalogue, nameOf } from './catalogue';
import { residentBytes } from './cpu';
import type { Report } from './figures';
import { call, read } from './http';
import { measure } from './load';
import { orderBody } from './orders';
import type { Servers } from './servers';

const ROWS = 100_000;
const ROWS_OF_CHUNK = 500;
const ORDERS = 30;
const MEGABYTE = 1_000_000;

/** A file of products as large as may be, beside the same rows written by a script; and what orders feel of it. */
export async function measureImports(servers: Servers, report: Report): Promise<void> {
  const { apiUrl, databaseUrl, pids } = servers;
  const place = () => measure(1, ORDERS, (n) => call(`${apiUrl}/api/orders`, 201, orderBody(n)));
  const before = await place();
  const script = await seconds(() => writeByScript(databaseUrl));

  const peak = peakMemory(pids.system ?? 0);
  const under: { orders?: Awaited<ReturnType<typeof place>> } = {};
  const file = await seconds(async () => {
    const id = await upload(servers, '10.00');
    const ended = untilEnded(servers, id);
    under.orders = await place();
    await ended;
  });
  const memory = await peak.stop();
  const prices = await seconds(async () => untilEnded(servers, await upload(servers, '11.00')));
  const unchanged = await seconds(async () => untilEnded(servers, await upload(servers, '11.00')));

  const rows = ROWS.toLocaleString('en');
  const perSecond = (what: string, took: number) => ({ what, ours: ROWS / took, unit: 'rows/s' });
  report({
    ...perSecond(`import of ${rows} new products, while orders are placed`, file),
    reference: 'a script, products and terms only',
    theirs: ROWS / script,
  });
  report(perSecond(`import of ${rows} new prices`, prices));
  report(perSecond(`import of ${rows} rows that change nothing`, unchanged));
  report({
    what: `most memory of API and workers in one process, import of ${rows} products`,
    ours: memory === null ? null : memory / MEGABYTE,
    unit: 'MB',
  });
  report({
    what: 'answer to a placement, median, while products are imported',
    ours: under.orders?.p50Ms ?? 0,
    unit: 'ms',
    reference: 'before',
    theirs: before.p50Ms,
  });
}

async function writeByScript(databaseUrl: string): Promise<void> {
  const db = connect({ url: databaseUrl });
  try {
    await fillCatalogue(db, { prefix: 'script', products: ROWS, chunk: ROWS_OF_CHUNK });
  } finally {
    await db.close();
  }
}

/** @returns the import's id. */
async function upload({ apiUrl, headers }: Servers, price: string): Promise<string> {
  const lines = Array.from(
    { length: ROWS },
    (_, n) => `file-${n},${nameOf(n)},"${descriptionOf(n)}",${price},standard,100`,
  );
  const csv = `sku,name,description,price,tax_class,weight_grams\n${lines.join('\n')}\n`;
  const answer = await call(`${apiUrl}/api/products/import`, 202, csv, {
    ...headers,
    'content-type': 'text/csv',
  });
  return (JSON.parse(answer) as { id: string }).id;
}

/** @throws Error when it does not apply every row. */
async function untilEnded({ apiUrl, headers }: Servers, id: string): Promise<void> {
  for (;;) {
    const text = await read(`${apiUrl}/api/products/imports/${id}`, headers);
    const { status, done } = JSON.parse(text) as { status: string; done: number };
    if (status === 'completed' && done === ROWS) return;
    if (status !== 'received' && status !== 'importing') throw new Error(text.slice(0, 300));
    await delay(250);
  }
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1_000;
}

/** Looks several times a second until it is stopped. */
function peakMemory(pid: number): { stop(): Promise<number | null> } {
  const stopped = new AbortController();
  let most: number | null = null;
  const looked = (async () => {
    for await (const _ of every(200, null, { signal: stopped.signal })) {
      const now = residentBytes(pid);
      most = now === null ? most : Math.max(most ?? 0, now);
    }
  })().catch((error: unknown) => {
    if (!stopped.signal.aborted) throw error;
  });
  return {
    async stop() {
      stopped.abort();
      await looked;
      return most;
    },
  };
}

import { setTimeout as delay, setInterval as every } from 'node:timers/promises';
import { connect } from '../../db/core/connect';
import { fillCatalogue, generateDescription, generateName } from '../harness/catalogue';
import { call, get } from '../harness/http';
import { runLoad } from '../harness/load';
import { getResidentBytes } from '../harness/process-usage';
import type { Reporter } from '../harness/results';
import type { Servers } from '../harness/servers';
import { buildOrderBody } from './orders';

const ROW_COUNT = 100_000;
const ROWS_PER_CHUNK = 500;
const ORDER_COUNT = 30;
const MEGABYTE = 1_000_000;

/** A file of products as large as may be, beside the same rows written by a script; and what orders feel of it. */
export async function measureImports(servers: Servers, report: Reporter): Promise<void> {
  const { apiUrl, databaseUrl, pids } = servers;
  const place = () => runLoad(1, ORDER_COUNT, (n) => call(`${apiUrl}/api/orders`, 201, buildOrderBody(n)));
  const before = await place();
  const script = await measureSeconds(() => insertDirectly(databaseUrl));

  const peak = trackPeakMemory(pids.system ?? 0);
  const under: { orders?: Awaited<ReturnType<typeof place>> } = {};
  const file = await measureSeconds(async () => {
    const id = await uploadCsv(servers, '10.00');
    const ended = waitForImport(servers, id);
    under.orders = await place();
    await ended;
  });
  const memory = await peak.stop();
  const prices = await measureSeconds(async () => waitForImport(servers, await uploadCsv(servers, '11.00')));
  const unchanged = await measureSeconds(async () =>
    waitForImport(servers, await uploadCsv(servers, '11.00')),
  );

  const rows = ROW_COUNT.toLocaleString('en');
  const perSecond = (name: string, seconds: number) => ({ name, value: ROW_COUNT / seconds, unit: 'rows/s' });
  report({
    ...perSecond(`import of ${rows} new products, while orders are placed`, file),
    reference: 'a script, products and terms only',
    referenceValue: ROW_COUNT / script,
  });
  report(perSecond(`import of ${rows} new prices`, prices));
  report(perSecond(`import of ${rows} rows that change nothing`, unchanged));
  report({
    name: `most memory of API and workers in one process, import of ${rows} products`,
    value: memory === null ? null : memory / MEGABYTE,
    unit: 'MB',
  });
  report({
    name: 'answer to a placement, median, while products are imported',
    value: under.orders?.p50Ms ?? 0,
    unit: 'ms',
    reference: 'before',
    referenceValue: before.p50Ms,
  });
}

async function insertDirectly(databaseUrl: string): Promise<void> {
  const db = connect({ url: databaseUrl });
  try {
    await fillCatalogue(db, { skuPrefix: 'script', productCount: ROW_COUNT, chunkSize: ROWS_PER_CHUNK });
  } finally {
    await db.close();
  }
}

/** @returns the import's id. */
async function uploadCsv({ apiUrl, headers }: Servers, price: string): Promise<string> {
  const lines = Array.from(
    { length: ROW_COUNT },
    (_, n) => `file-${n},${generateName(n)},"${generateDescription(n)}",${price},standard,100`,
  );
  const csv = `sku,name,description,price,tax_class,weight_grams\n${lines.join('\n')}\n`;
  const answer = await call(`${apiUrl}/api/products/import`, 202, csv, {
    ...headers,
    'content-type': 'text/csv',
  });
  return (JSON.parse(answer) as { id: string }).id;
}

/** @throws Error when it does not apply every row. */
async function waitForImport({ apiUrl, headers }: Servers, id: string): Promise<void> {
  for (;;) {
    const text = await get(`${apiUrl}/api/products/imports/${id}`, headers);
    const { status, done } = JSON.parse(text) as { status: string; done: number };
    if (status === 'completed' && done === ROW_COUNT) return;
    if (status !== 'received' && status !== 'importing') throw new Error(text.slice(0, 300));
    await delay(250);
  }
}

async function measureSeconds(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1_000;
}

/** Looks several times a second until it is stopped. */
function trackPeakMemory(pid: number): { stop(): Promise<number | null> } {
  const stopped = new AbortController();
  let most: number | null = null;
  const looked = (async () => {
    for await (const _ of every(200, null, { signal: stopped.signal })) {
      const now = getResidentBytes(pid);
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

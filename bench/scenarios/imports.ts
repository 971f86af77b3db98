import { setTimeout as delay, setInterval as every } from 'node:timers/promises';
import { connect } from '../../db/core/connect';
import { fillCatalogue, generateDescription, generateName } from '../harness/catalogue';
import { call, get } from '../harness/http';
import { type LoadResult, runLoad } from '../harness/load';
import { getResidentBytes } from '../harness/process-usage';
import type { Reporter } from '../harness/results';
import type { Servers } from '../harness/servers';
import { buildOrderBody } from './orders';

const ROW_COUNT = 100_000;
const ROWS_PER_CHUNK = 500;
const ORDER_COUNT = 30;
const MEGABYTE = 1_000_000;

/** Measures imports of large product files relative to a script, and placements during an import. */
export async function measureImports(servers: Servers, report: Reporter): Promise<void> {
  const { apiUrl, databaseUrl, pids } = servers;
  const place = () => runLoad(1, ORDER_COUNT, (n) => call(`${apiUrl}/api/orders`, 201, buildOrderBody(n)));
  const placedBefore = await place();
  const scriptSeconds = await measureSeconds(() => insertDirectly(databaseUrl));

  const peak = trackPeakMemory(pids.system ?? 0);
  let placedDuringImport: LoadResult | undefined;
  const importSeconds = await measureSeconds(async () => {
    const id = await uploadCsv(servers, '10.00');
    const completed = waitForImport(servers, id);
    placedDuringImport = await place();
    await completed;
  });
  const memory = await peak.stop();
  const priceSeconds = await measureSeconds(async () =>
    waitForImport(servers, await uploadCsv(servers, '11.00')),
  );
  const unchangedSeconds = await measureSeconds(async () =>
    waitForImport(servers, await uploadCsv(servers, '11.00')),
  );

  const rows = ROW_COUNT.toLocaleString('en');
  const perSecond = (name: string, seconds: number) => ({ name, value: ROW_COUNT / seconds, unit: 'rows/s' });
  report({
    ...perSecond(`import of ${rows} new products, while orders are placed`, importSeconds),
    reference: 'script that writes products and terms only',
    referenceValue: ROW_COUNT / scriptSeconds,
  });
  report(perSecond(`import of ${rows} new prices`, priceSeconds));
  report(perSecond(`import of ${rows} rows without a change`, unchangedSeconds));
  report({
    name: `peak memory of API and workers in one process, import of ${rows} products`,
    value: memory === null ? null : memory / MEGABYTE,
    unit: 'MB',
  });
  report({
    name: 'response to a placement, median, during an import',
    value: placedDuringImport?.p50Ms ?? 0,
    unit: 'ms',
    reference: 'before the import',
    referenceValue: placedBefore.p50Ms,
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
  const body = await call(`${apiUrl}/api/products/import`, 202, csv, {
    ...headers,
    'content-type': 'text/csv',
  });
  return (JSON.parse(body) as { id: string }).id;
}

/** @throws Error if the import fails or does not apply every row. */
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

/** Samples the resident bytes of a process until stopped. */
function trackPeakMemory(pid: number): { stop(): Promise<number | null> } {
  const stopped = new AbortController();
  let peakBytes: number | null = null;
  const sampling = (async () => {
    for await (const _ of every(200, null, { signal: stopped.signal })) {
      const bytes = getResidentBytes(pid);
      if (bytes !== null) peakBytes = Math.max(peakBytes ?? 0, bytes);
    }
  })().catch((error: unknown) => {
    if (!stopped.signal.aborted) throw error;
  });
  return {
    async stop() {
      stopped.abort();
      await sampling;
      return peakBytes;
    },
  };
}

import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { InventoryItem, StockMovement } from '../../api/inventory/schemas';
import type { Order, OrderHistory, OrderSummary } from '../../api/orders/schemas';
import { inheritEnvironment } from '../../config/start';
import { buildScriptCommand } from '../../dev/launcher/supervisor';
import type { BookRow } from '../../dev/payment-simulator/books';
import type { Finding } from '../../verification/findings';
import { sendRequest } from '../harness/http/http-client';
import { type Evidence, isSettled, listExpectedMails } from './invariants';
import type { ClientObservations } from './monkey/customers';
import type { Fleet } from './monkey/fleet';
import { replayStockReceipt } from './monkey/stock-receipts';

const CONCURRENT_READS = 8;
const POLL_MS = 1_000;

/**
 * Waits until every order is settled and every mail is sent, at most until `deadlineMs`, then reads every source.
 * @param deadlineMs by `performance.now()`.
 */
export async function collectEvidence(
  fleet: Fleet,
  observations: readonly ClientObservations[],
  deadlineMs: number,
): Promise<Evidence> {
  const [apiUrl = ''] = fleet.apiUrls;
  const headers = { authorization: `Bearer ${fleet.token}` };
  const api = { get: <T>(path: string) => getJson<T>(`${apiUrl}${path}`, headers), url: apiUrl };
  const orders = await waitForSettledOrders(api, observations, deadlineMs);
  const mails = await waitForSentMails(api, [...orders.values()], deadlineMs);
  await mapInBatches(observations, (client) => replayStockReceipt(apiUrl, fleet.token, client));
  const stock = await listAll<InventoryItem>(api, '/api/inventory');
  const books = `${fleet.simulatorUrl}/_simulator/books`;
  return {
    observations,
    orders,
    mails,
    listedOrderIds: (await listAll<OrderSummary>(api, '/api/orders')).map(({ id }) => id),
    replayedOrderIds: new Map(
      await mapInBatches(
        observations,
        async (client) => [client, await replayPlacement(api, client)] as const,
      ),
    ),
    stock,
    movements: new Map(
      await mapInBatches(stock, async ({ sku }) => [sku, await listMovements(api, sku)] as const),
    ),
    intents: await listIntents(books),
    doublePaidOrderIds:
      (await getJson<{ data: { order_id: string }[] }>(`${books}/double-payments`))?.data.map(
        ({ order_id }) => order_id,
      ) ?? [],
    findings: await runVerify(fleet),
  };
}

interface Api {
  url: string;
  get<T>(path: string): Promise<T | null>;
}

/** @returns null for 404. @throws Error for any other status than 200. */
async function getJson<T>(url: string, headers: Record<string, string> = {}): Promise<T | null> {
  const { status, body, text } = await sendRequest<T>(url, { headers });
  if (status === 404) return null;
  if (status !== 200) throw new Error(`${url}: ${status} ${text}`);
  return body;
}

async function waitForSettledOrders(
  api: Api,
  observations: readonly ClientObservations[],
  deadlineMs: number,
): Promise<Map<string, Order>> {
  const orders = new Map<string, Order>();
  for (let pending = observations.filter(({ orderId }) => orderId !== null); ; await delay(POLL_MS)) {
    const responses = await mapInBatches(pending, ({ orderId }) => api.get<Order>(`/api/orders/${orderId}`));
    for (const order of responses) if (order !== null) orders.set(order.id, order);
    pending = pending.filter((client) => {
      const order = orders.get(client.orderId ?? '');
      return order === undefined || !isSettled(order, client);
    });
    if (pending.length === 0 || performance.now() > deadlineMs) return orders;
  }
}

/** The kinds of the sent mails in the history of each order. */
async function waitForSentMails(
  api: Api,
  orders: readonly Order[],
  deadlineMs: number,
): Promise<Map<string, string[]>> {
  const mails = new Map<string, string[]>();
  for (let pending = orders; ; await delay(POLL_MS)) {
    await mapInBatches(pending, async ({ id }) => {
      const history = await api.get<OrderHistory>(`/api/orders/${id}/history`);
      const sent = history?.entries.filter(({ type }) => type === 'NotificationSent') ?? [];
      mails.set(
        id,
        sent.map(({ event }) => String(event?.data.kind)),
      );
    });
    pending = pending.filter((order) =>
      listExpectedMails(order).some((kind) => !mails.get(order.id)?.includes(kind)),
    );
    if (pending.length === 0 || performance.now() > deadlineMs) return mails;
  }
}

/** Reads every page of a list. */
async function listAll<T>(api: Api, path: string): Promise<T[]> {
  const entries: T[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page: { data: T[]; nextCursor: string | null } | null = await api.get(`${path}?limit=100${query}`);
    entries.push(...(page?.data ?? []));
    cursor = page?.nextCursor ?? null;
  }
  return entries;
}

const listMovements = (api: Api, sku: string): Promise<StockMovement[]> =>
  listAll<StockMovement>(api, `/api/inventory/${sku}/movements`);

async function listIntents(books: string): Promise<BookRow[]> {
  const entries: BookRow[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page: { data: BookRow[]; next_cursor: string | null } | null = await getJson(
      `${books}/intents?limit=1000${query}`,
    );
    entries.push(...(page?.data ?? []));
    cursor = page?.next_cursor ?? null;
  }
  return entries;
}

/** Repeats the placement. @returns the order id in the response, or null. */
async function replayPlacement({ url }: Api, { plan }: ClientObservations): Promise<string | null> {
  const { body } = await sendRequest<{ id?: string; orderId?: string } | undefined>(`${url}/api/orders`, {
    body: plan.body,
    headers: { 'idempotency-key': plan.idempotencyKey, prefer: 'wait=1' },
  });
  return body?.id ?? body?.orderId ?? null;
}

/** `npm run verify -- --json`: prints a line for each finding, then a summary. */
function runVerify({ env }: Fleet): Promise<Finding[]> {
  const { command, args } = buildScriptCommand('cli/verify.ts', '--json');
  return new Promise((resolve, reject) => {
    const options = { env: inheritEnvironment(env), maxBuffer: MAX_OUTPUT_BYTES };
    const child = execFile(command, args, options, (_, stdout, stderr) => {
      if (child.exitCode !== 0 && child.exitCode !== 1) return reject(new Error(stderr));
      const lines = stdout.trimEnd().split('\n');
      resolve(lines.slice(0, -1).map((line) => JSON.parse(line) as Finding));
    });
  });
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

async function mapInBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += CONCURRENT_READS) {
    results.push(...(await Promise.all(items.slice(i, i + CONCURRENT_READS).map(work))));
  }
  return results;
}

import type { StockAdjustmentResult } from '../../../api/inventory/schemas';
import { sendRequest } from '../../harness/http/http-client';
import type { StockReceipt } from './customer-plan';
import { type ClientObservations, type SystemUnderTest, sendWithRetry, waitBeforeRetry } from './customers';

const CALL_TIMEOUT_MS = 5_000;

const buildAdjustmentRequest = ({ idempotencyKey, warehouse, units }: StockReceipt, staffToken: string) => ({
  body: { warehouse, delta: units, reason: 'received' },
  headers: { authorization: `Bearer ${staffToken}`, 'idempotency-key': idempotencyKey },
  timeoutMs: CALL_TIMEOUT_MS,
});

const buildAdjustmentPath = ({ sku }: StockReceipt): string => `/api/inventory/${sku}/adjustments`;

/** A warehouse writes down what it received, again and again with the key of the delivery, until it is answered. */
export async function sendStockReceipt(shop: SystemUnderTest, told: ClientObservations): Promise<void> {
  const { stockReceipt } = told.plan;
  if (stockReceipt === null) return;
  const request = buildAdjustmentRequest(stockReceipt, shop.staffToken);
  for (let attempt = 0; !shop.stopSignal.aborted; attempt += 1) {
    const answer = await sendWithRetry<StockAdjustmentResult>(
      shop,
      told,
      attempt,
      buildAdjustmentPath(stockReceipt),
      request,
    );
    if (answer?.status === 201) return;
    if (answer !== null) told.violations.push(`a delivery was answered ${answer.status} ${answer.text}`);
    await waitBeforeRetry(shop, attempt);
  }
}

/** The same once more at the end: it must not count twice. @throws Error for any other answer than 201. */
export async function replayStockReceipt(
  apiUrl: string,
  staffToken: string,
  { plan }: ClientObservations,
): Promise<void> {
  const { stockReceipt } = plan;
  if (stockReceipt === null) return;
  const { status, text } = await sendRequest(
    `${apiUrl}${buildAdjustmentPath(stockReceipt)}`,
    buildAdjustmentRequest(stockReceipt, staffToken),
  );
  if (status !== 201) throw new Error(`delivery ${stockReceipt.idempotencyKey}: ${status} ${text}`);
}

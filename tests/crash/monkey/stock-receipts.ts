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

/** Records the stock receipt, retrying with its idempotency key until a response arrives. */
export async function sendStockReceipt(
  system: SystemUnderTest,
  observations: ClientObservations,
): Promise<void> {
  const { stockReceipt } = observations.plan;
  if (stockReceipt === null) return;
  const request = buildAdjustmentRequest(stockReceipt, system.staffToken);
  for (let attempt = 0; !system.stopSignal.aborted; attempt += 1) {
    const response = await sendWithRetry<StockAdjustmentResult>(
      system,
      observations,
      attempt,
      buildAdjustmentPath(stockReceipt),
      request,
    );
    if (response?.status === 201) return;
    if (response !== null) observations.violations.push(`stock receipt: ${response.status} ${response.text}`);
    await waitBeforeRetry(system, attempt);
  }
}

/** Repeats the stock receipt, which must not count twice. @throws Error for any other status than 201. */
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
  if (status !== 201) throw new Error(`stock receipt ${stockReceipt.idempotencyKey}: ${status} ${text}`);
}

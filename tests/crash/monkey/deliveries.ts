import type { AdjustedStock } from '../../../api/inventory/schemas';
import { http } from '../../harness/http/http';
import type { Delivery } from './customer-plan';
import { ask, between, type Shop, type Told } from './customers';

const CALL_TIMEOUT_MS = 5_000;

const requestOf = ({ idempotencyKey, warehouse, units }: Delivery, staffToken: string) => ({
  body: { warehouse, delta: units, reason: 'received' },
  headers: { authorization: `Bearer ${staffToken}`, 'idempotency-key': idempotencyKey },
  timeoutMs: CALL_TIMEOUT_MS,
});

const pathOf = ({ sku }: Delivery): string => `/api/inventory/${sku}/adjustments`;

/** A warehouse writes down what it received, again and again with the key of the delivery, until it is answered. */
export async function receive(shop: Shop, told: Told): Promise<void> {
  const { delivery } = told.plan;
  if (delivery === null) return;
  const request = requestOf(delivery, shop.staffToken);
  for (let attempt = 0; !shop.closing.aborted; attempt += 1) {
    const answer = await ask<AdjustedStock>(shop, told, attempt, pathOf(delivery), request);
    if (answer?.status === 201) return;
    if (answer !== null) told.broken.push(`a delivery was answered ${answer.status} ${answer.text}`);
    await between(shop, attempt);
  }
}

/** The same once more at the end: it must not count twice. @throws Error for any other answer than 201. */
export async function receiveAgain(apiUrl: string, staffToken: string, { plan }: Told): Promise<void> {
  const { delivery } = plan;
  if (delivery === null) return;
  const { status, text } = await http(`${apiUrl}${pathOf(delivery)}`, requestOf(delivery, staffToken));
  if (status !== 201) throw new Error(`delivery ${delivery.idempotencyKey}: ${status} ${text}`);
}

import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Order } from '../../../api/orders/schemas';
import { type Answer, type HttpRequest, http } from '../../harness/http/http';
import type { CancelPlan, CancelWay, CustomerPlan } from './customer-plan';

/** What customers see of the shop: its HTTP API, and Temporal as somebody in customer service has it. */
export interface Shop {
  apiUrls: readonly string[];
  temporal: Client;
  /** Of somebody who works in a warehouse. */
  staffToken: string;
  /** From now on nobody goes on asking. */
  closing: AbortSignal;
}

export interface CancelAnswer {
  way: CancelWay;
  /** `closed`: Temporal said that the order's workflow has ended. */
  outcome: 'accepted' | 'refused' | 'closed';
}

/** What a customer has heard: the shop is bound to it. */
export interface Told {
  readonly plan: CustomerPlan;
  orderId: string | null;
  /** Opens the order. */
  orderToken: string;
  readonly cancellations: CancelAnswer[];
  /** What must never be said to a customer. */
  readonly broken: string[];
  /** How often each answer came, by status; `none` is no answer at all. */
  readonly answers: Record<string, number>;
}

interface Named {
  id?: string;
  orderId?: string;
  orderToken?: string;
}

const GIVE_UP_MS = 300_000;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 2_000;
const CALL_TIMEOUT_MS = 5_000;
/** The patience of the least patient: it doubles with each try, or a busy shop would never be heard. */
const MAX_PATIENCE_MS = 30_000;
/** Says how the placement ended, or that it will. */
const PLACED = [201, 202, 402, 409];
/** To be tried again, as any client does; 408 is what a process says that stood still in the middle of a request. */
const AGAIN = [408, 429, 500, 502, 503, 504];

export const newTold = (plan: CustomerPlan): Told => ({
  plan,
  orderId: null,
  orderToken: '',
  cancellations: [],
  broken: [],
  answers: {},
});

/** Places the order, again and again with its key, until it is accepted or refused, or nobody would try any more. */
export async function place(shop: Shop, told: Told): Promise<void> {
  const untilMs = performance.now() + GIVE_UP_MS;
  for (let attempt = 0; !shop.closing.aborted && performance.now() < untilMs; attempt += 1) {
    const answer = await placeOnce(shop, told, attempt);
    if (answer !== null) return;
    await between(shop, attempt);
  }
}

/** After the order was accepted: reads it until it is decided, and cancels it if that is the plan. */
export async function follow(shop: Shop, told: Told): Promise<void> {
  if (told.orderId === null) return;
  const { cancel } = told.plan;
  const decided = untilDecided(shop, told, told.orderId);
  if (cancel?.after === 'accepted') await cancelOrder(shop, told, told.orderId, cancel);
  await decided;
  if (cancel?.after === 'decided') await cancelOrder(shop, told, told.orderId, cancel);
}

/** @returns the answer if it is one to the placement; null when it has to be sent again. */
async function placeOnce(shop: Shop, told: Told, attempt: number): Promise<Answer<Named> | null> {
  const { body, idempotencyKey, prefer, patienceMs } = told.plan;
  const headers = { 'idempotency-key': idempotencyKey, ...(prefer === null ? {} : { prefer }) };
  const timeoutMs = Math.min(patienceMs * 2 ** attempt, MAX_PATIENCE_MS);
  const request = { body, headers, timeoutMs };
  const answer = await ask<Named>(shop, told, attempt, '/api/orders', request);
  if (answer === null || !PLACED.includes(answer.status)) return null;
  const id = answer.body.id ?? answer.body.orderId;
  if (id === undefined) told.broken.push(`an answer without an order: ${answer.text}`);
  else if (told.orderId === null) {
    told.orderId = id;
    told.orderToken = answer.body.orderToken ?? '';
  } else if (told.orderId !== id) told.broken.push(`its key gave another order too: ${id}`);
  return answer;
}

async function untilDecided(shop: Shop, told: Told, id: string): Promise<void> {
  let version = 0;
  for (let attempt = 0; !shop.closing.aborted; attempt += 1) {
    if (told.plan.asks === 'again') {
      const answer = await placeOnce(shop, told, attempt);
      if ((answer !== null && answer.status !== 202) || told.broken.length > 0) return;
    } else {
      const order = await read(shop, told, id, attempt);
      if (order !== null && order.version < version) {
        told.broken.push(`version ${version} was read before version ${order.version}`);
      }
      version = order?.version ?? version;
      if (order !== null && order.status !== 'placed') return;
    }
    await between(shop, attempt);
  }
}

/** @returns null when it could not be read now. */
async function read(shop: Shop, told: Told, id: string, attempt: number): Promise<Order | null> {
  const request = { headers: bearer(told), timeoutMs: CALL_TIMEOUT_MS };
  const answer = await ask<Order>(shop, told, attempt, `/api/orders/${id}`, request);
  if (answer?.status === 404) told.broken.push('an accepted order was not found');
  return answer?.status === 200 ? answer.body : null;
}

async function cancelOrder(shop: Shop, told: Told, id: string, plan: CancelPlan): Promise<void> {
  await pause(shop, plan.delayMs);
  await Promise.all(
    plan.ways.map(async (way) => {
      const outcome =
        way === 'rest' ? await cancelByRest(shop, told, id) : await cancelByTemporal(shop, id, way);
      if (outcome !== null) told.cancellations.push({ way, outcome });
    }),
  );
}

async function cancelByRest(shop: Shop, told: Told, id: string): Promise<CancelAnswer['outcome'] | null> {
  const request = {
    body: { reason: 'changed my mind' },
    headers: bearer(told),
    timeoutMs: CALL_TIMEOUT_MS,
  };
  for (let attempt = 0; !shop.closing.aborted; attempt += 1) {
    const answer = await ask(shop, told, attempt, `/api/orders/${id}/cancel`, request);
    if (answer?.status === 200 || answer?.status === 202) return 'accepted';
    if (answer?.status === 409) return 'refused';
    if (answer?.status === 404) told.broken.push('an accepted order was not found to be cancelled');
    await between(shop, attempt);
  }
  return null;
}

async function cancelByTemporal(
  shop: Shop,
  id: string,
  way: 'signal' | 'native',
): Promise<CancelAnswer['outcome'] | null> {
  const { temporal } = shop;
  const order = temporal.workflow.getHandle(id);
  const request = { reason: 'called us', requestedBy: 'customer service' };
  for (let attempt = 0; !shop.closing.aborted; attempt += 1) {
    try {
      await temporal.withDeadline(Date.now() + CALL_TIMEOUT_MS, async () => {
        if (way === 'signal') await order.signal('cancelOrder', request);
        else await order.cancel();
      });
      return 'accepted';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'closed';
    }
    await between(shop, attempt);
  }
  return null;
}

/**
 * One request, to the next API at each attempt.
 * @returns null when there was no answer, or one that asks for another try.
 */
export async function ask<T>(
  { apiUrls }: Shop,
  { plan, answers, broken }: Told,
  attempt: number,
  path: string,
  request: HttpRequest,
): Promise<Answer<T> | null> {
  const url = `${apiUrls[(plan.n + attempt) % apiUrls.length]}${path}`;
  const answer = await http<T>(url, request).catch(() => null);
  const status = String(answer?.status ?? 'none');
  answers[status] = (answers[status] ?? 0) + 1;
  if (answer === null || AGAIN.includes(answer.status)) return null;
  if (answer.status >= 400 && ![402, 404, 409].includes(answer.status)) {
    broken.push(`${path} answered ${answer.status} ${answer.text}`);
  }
  return answer;
}

const bearer = ({ orderToken }: Told) => ({ authorization: `Bearer ${orderToken}` });

/** Between two tries. */
export const between = (shop: Shop, attempt: number): Promise<void> =>
  pause(shop, Math.min(FIRST_PAUSE_MS * 2 ** attempt, MAX_PAUSE_MS));

const pause = ({ closing }: Shop, ms: number): Promise<void> =>
  delay(ms, undefined, { signal: closing }).catch(() => undefined);

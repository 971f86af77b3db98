import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Order } from '../../../api/orders/schemas';
import { type HttpRequest, type HttpResponse, sendRequest } from '../../harness/http/http-client';
import type { CancelMethod, CancelPlan, CustomerPlan } from './customer-plan';

/** What customers see of the shop: its HTTP API, and Temporal as somebody in customer service has it. */
export interface SystemUnderTest {
  apiUrls: readonly string[];
  temporal: Client;
  /** Of somebody who works in a warehouse. */
  staffToken: string;
  /** From now on nobody goes on asking. */
  stopSignal: AbortSignal;
}

export interface CancelResult {
  method: CancelMethod;
  /** `closed`: Temporal said that the order's workflow has ended. */
  outcome: 'accepted' | 'rejected' | 'closed';
}

/** What a customer has heard: the shop is bound to it. */
export interface ClientObservations {
  readonly plan: CustomerPlan;
  orderId: string | null;
  /** Opens the order. */
  orderToken: string;
  readonly cancellations: CancelResult[];
  /** What must never be said to a customer. */
  readonly violations: string[];
  /** How often each answer came, by status; `none` is no answer at all. */
  readonly responseCounts: Record<string, number>;
}

interface PlacementBody {
  id?: string;
  orderId?: string;
  orderToken?: string;
}

const PLACEMENT_TIMEOUT_MS = 300_000;
const INITIAL_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 2_000;
const CALL_TIMEOUT_MS = 5_000;
/** The patience of the least patient: it doubles with each try, or a busy shop would never be heard. */
const MAX_REQUEST_TIMEOUT_MS = 30_000;
/** Says how the placement ended, or that it will. */
const PLACEMENT_STATUSES = [201, 202, 402, 409];
/** To be tried again, as any client does; 408 is what a process says that stood still in the middle of a request. */
const RETRYABLE_STATUSES = [408, 429, 500, 502, 503, 504];

export const createClientObservations = (plan: CustomerPlan): ClientObservations => ({
  plan,
  orderId: null,
  orderToken: '',
  cancellations: [],
  violations: [],
  responseCounts: {},
});

/** Places the order, again and again with its key, until it is accepted or refused, or nobody would try any more. */
export async function placeOrder(shop: SystemUnderTest, told: ClientObservations): Promise<void> {
  const untilMs = performance.now() + PLACEMENT_TIMEOUT_MS;
  for (let attempt = 0; !shop.stopSignal.aborted && performance.now() < untilMs; attempt += 1) {
    const answer = await sendPlacement(shop, told, attempt);
    if (answer !== null) return;
    await waitBeforeRetry(shop, attempt);
  }
}

/** After the order was accepted: reads it until it is decided, and cancels it if that is the plan. */
export async function followOrder(shop: SystemUnderTest, told: ClientObservations): Promise<void> {
  if (told.orderId === null) return;
  const { cancel } = told.plan;
  const decided = waitForDecision(shop, told, told.orderId);
  if (cancel?.after === 'accepted') await cancelOrder(shop, told, told.orderId, cancel);
  await decided;
  if (cancel?.after === 'decided') await cancelOrder(shop, told, told.orderId, cancel);
}

/** @returns the answer if it is one to the placement; null when it has to be sent again. */
async function sendPlacement(
  shop: SystemUnderTest,
  told: ClientObservations,
  attempt: number,
): Promise<HttpResponse<PlacementBody> | null> {
  const { body, idempotencyKey, prefer, initialTimeoutMs } = told.plan;
  const headers = { 'idempotency-key': idempotencyKey, ...(prefer === null ? {} : { prefer }) };
  const timeoutMs = Math.min(initialTimeoutMs * 2 ** attempt, MAX_REQUEST_TIMEOUT_MS);
  const request = { body, headers, timeoutMs };
  const answer = await sendWithRetry<PlacementBody>(shop, told, attempt, '/api/orders', request);
  if (answer === null || !PLACEMENT_STATUSES.includes(answer.status)) return null;
  const id = answer.body.id ?? answer.body.orderId;
  if (id === undefined) told.violations.push(`an answer without an order: ${answer.text}`);
  else if (told.orderId === null) {
    told.orderId = id;
    told.orderToken = answer.body.orderToken ?? '';
  } else if (told.orderId !== id) told.violations.push(`its key gave another order too: ${id}`);
  return answer;
}

async function waitForDecision(shop: SystemUnderTest, told: ClientObservations, id: string): Promise<void> {
  let version = 0;
  for (let attempt = 0; !shop.stopSignal.aborted; attempt += 1) {
    if (told.plan.pollBy === 'replay') {
      const answer = await sendPlacement(shop, told, attempt);
      if ((answer !== null && answer.status !== 202) || told.violations.length > 0) return;
    } else {
      const order = await readOrder(shop, told, id, attempt);
      if (order !== null && order.version < version) {
        told.violations.push(`version ${version} was read before version ${order.version}`);
      }
      version = order?.version ?? version;
      if (order !== null && order.status !== 'placed') return;
    }
    await waitBeforeRetry(shop, attempt);
  }
}

/** @returns null when it could not be read now. */
async function readOrder(
  shop: SystemUnderTest,
  told: ClientObservations,
  id: string,
  attempt: number,
): Promise<Order | null> {
  const request = { headers: bearer(told), timeoutMs: CALL_TIMEOUT_MS };
  const answer = await sendWithRetry<Order>(shop, told, attempt, `/api/orders/${id}`, request);
  if (answer?.status === 404) told.violations.push('an accepted order was not found');
  return answer?.status === 200 ? answer.body : null;
}

async function cancelOrder(
  shop: SystemUnderTest,
  told: ClientObservations,
  id: string,
  plan: CancelPlan,
): Promise<void> {
  await sleep(shop, plan.delayMs);
  await Promise.all(
    plan.methods.map(async (way) => {
      const outcome =
        way === 'rest' ? await cancelThroughApi(shop, told, id) : await cancelThroughTemporal(shop, id, way);
      if (outcome !== null) told.cancellations.push({ method: way, outcome });
    }),
  );
}

async function cancelThroughApi(
  shop: SystemUnderTest,
  told: ClientObservations,
  id: string,
): Promise<CancelResult['outcome'] | null> {
  const request = {
    body: { reason: 'changed my mind' },
    headers: bearer(told),
    timeoutMs: CALL_TIMEOUT_MS,
  };
  for (let attempt = 0; !shop.stopSignal.aborted; attempt += 1) {
    const answer = await sendWithRetry(shop, told, attempt, `/api/orders/${id}/cancel`, request);
    if (answer?.status === 200 || answer?.status === 202) return 'accepted';
    if (answer?.status === 409) return 'rejected';
    if (answer?.status === 404) told.violations.push('an accepted order was not found to be cancelled');
    await waitBeforeRetry(shop, attempt);
  }
  return null;
}

async function cancelThroughTemporal(
  shop: SystemUnderTest,
  id: string,
  way: 'signal' | 'native',
): Promise<CancelResult['outcome'] | null> {
  const { temporal } = shop;
  const order = temporal.workflow.getHandle(id);
  const request = { reason: 'called us', requestedBy: 'customer service' };
  for (let attempt = 0; !shop.stopSignal.aborted; attempt += 1) {
    try {
      await temporal.withDeadline(Date.now() + CALL_TIMEOUT_MS, async () => {
        if (way === 'signal') await order.signal('cancelOrder', request);
        else await order.cancel();
      });
      return 'accepted';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'closed';
    }
    await waitBeforeRetry(shop, attempt);
  }
  return null;
}

/**
 * One request, to the next API at each attempt.
 * @returns null when there was no answer, or one that asks for another try.
 */
export async function sendWithRetry<T>(
  { apiUrls }: SystemUnderTest,
  { plan, responseCounts, violations }: ClientObservations,
  attempt: number,
  path: string,
  request: HttpRequest,
): Promise<HttpResponse<T> | null> {
  const url = `${apiUrls[(plan.index + attempt) % apiUrls.length]}${path}`;
  const answer = await sendRequest<T>(url, request).catch(() => null);
  const status = String(answer?.status ?? 'none');
  responseCounts[status] = (responseCounts[status] ?? 0) + 1;
  if (answer === null || RETRYABLE_STATUSES.includes(answer.status)) return null;
  if (answer.status >= 400 && ![402, 404, 409].includes(answer.status)) {
    violations.push(`${path} answered ${answer.status} ${answer.text}`);
  }
  return answer;
}

const bearer = ({ orderToken }: ClientObservations) => ({ authorization: `Bearer ${orderToken}` });

/** Between two tries. */
export const waitBeforeRetry = (shop: SystemUnderTest, attempt: number): Promise<void> =>
  sleep(shop, Math.min(INITIAL_BACKOFF_MS * 2 ** attempt, MAX_BACKOFF_MS));

const sleep = ({ stopSignal }: SystemUnderTest, ms: number): Promise<void> =>
  delay(ms, undefined, { signal: stopSignal }).catch(() => undefined);

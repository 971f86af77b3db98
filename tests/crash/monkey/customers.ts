import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Order } from '../../../api/orders/schemas';
import { type HttpRequest, type HttpResponse, sendRequest } from '../../harness/http/http-client';
import type { CancelMethod, CancelPlan, CustomerPlan } from './customer-plan';

/** The interfaces that clients use: the HTTP API, and Temporal for customer service. */
export interface SystemUnderTest {
  apiUrls: readonly string[];
  temporal: Client;
  /** API key that may adjust stock. */
  staffToken: string;
  /** Stops all retries. */
  stopSignal: AbortSignal;
}

export interface CancelResult {
  method: CancelMethod;
  /** `closed`: Temporal reports that the workflow is closed. */
  outcome: 'accepted' | 'rejected' | 'closed';
}

/** The responses that a client received: the system must honor them. */
export interface ClientObservations {
  readonly plan: CustomerPlan;
  orderId: string | null;
  /** Grants access to the order. */
  orderToken: string;
  readonly cancellations: CancelResult[];
  /** Responses that must never occur. */
  readonly violations: string[];
  /** Number of responses by status; `none` counts requests without a response. */
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
/** Limit of the request timeout, which doubles with each attempt so that a busy system can respond. */
const MAX_REQUEST_TIMEOUT_MS = 30_000;
/** The placement is accepted or decided. */
const PLACEMENT_STATUSES = [201, 202, 402, 409];
/** Clients retry these; a process that was paused during a request returns 408. */
const RETRYABLE_STATUSES = [408, 429, 500, 502, 503, 504];

export const createClientObservations = (plan: CustomerPlan): ClientObservations => ({
  plan,
  orderId: null,
  orderToken: '',
  cancellations: [],
  violations: [],
  responseCounts: {},
});

/** Places the order, retrying with its idempotency key until it is accepted or decided, or times out. */
export async function placeOrder(system: SystemUnderTest, observations: ClientObservations): Promise<void> {
  const deadlineMs = performance.now() + PLACEMENT_TIMEOUT_MS;
  for (let attempt = 0; !system.stopSignal.aborted && performance.now() < deadlineMs; attempt += 1) {
    const response = await sendPlacement(system, observations, attempt);
    if (response !== null) return;
    await waitBeforeRetry(system, attempt);
  }
}

/** Waits until an accepted order is decided, and cancels it if planned. */
export async function followOrder(system: SystemUnderTest, observations: ClientObservations): Promise<void> {
  if (observations.orderId === null) return;
  const { cancel } = observations.plan;
  const decided = waitForDecision(system, observations, observations.orderId);
  if (cancel?.after === 'accepted') await cancelOrder(system, observations, observations.orderId, cancel);
  await decided;
  if (cancel?.after === 'decided') await cancelOrder(system, observations, observations.orderId, cancel);
}

/** @returns null when the placement must be sent again. */
async function sendPlacement(
  system: SystemUnderTest,
  observations: ClientObservations,
  attempt: number,
): Promise<HttpResponse<PlacementBody> | null> {
  const { body, idempotencyKey, prefer, initialTimeoutMs } = observations.plan;
  const headers = { 'idempotency-key': idempotencyKey, ...(prefer === null ? {} : { prefer }) };
  const timeoutMs = Math.min(initialTimeoutMs * 2 ** attempt, MAX_REQUEST_TIMEOUT_MS);
  const request = { body, headers, timeoutMs };
  const response = await sendWithRetry<PlacementBody>(system, observations, attempt, '/api/orders', request);
  if (response === null || !PLACEMENT_STATUSES.includes(response.status)) return null;
  const id = response.body.id ?? response.body.orderId;
  if (id === undefined) observations.violations.push(`a response without an order: ${response.text}`);
  else if (observations.orderId === null) {
    observations.orderId = id;
    observations.orderToken = response.body.orderToken ?? '';
  } else if (observations.orderId !== id)
    observations.violations.push(`its idempotency key returned another order: ${id}`);
  return response;
}

async function waitForDecision(
  system: SystemUnderTest,
  observations: ClientObservations,
  id: string,
): Promise<void> {
  let version = 0;
  for (let attempt = 0; !system.stopSignal.aborted; attempt += 1) {
    if (observations.plan.pollBy === 'replay') {
      const response = await sendPlacement(system, observations, attempt);
      if ((response !== null && response.status !== 202) || observations.violations.length > 0) return;
    } else {
      const order = await readOrder(system, observations, id, attempt);
      if (order !== null && order.version < version) {
        observations.violations.push(`version ${version} was read before version ${order.version}`);
      }
      version = order?.version ?? version;
      if (order !== null && order.status !== 'placed') return;
    }
    await waitBeforeRetry(system, attempt);
  }
}

/** @returns null when the order could not be read. */
async function readOrder(
  system: SystemUnderTest,
  observations: ClientObservations,
  id: string,
  attempt: number,
): Promise<Order | null> {
  const request = { headers: bearer(observations), timeoutMs: CALL_TIMEOUT_MS };
  const response = await sendWithRetry<Order>(system, observations, attempt, `/api/orders/${id}`, request);
  if (response?.status === 404) observations.violations.push('an accepted order was not found');
  return response?.status === 200 ? response.body : null;
}

async function cancelOrder(
  system: SystemUnderTest,
  observations: ClientObservations,
  id: string,
  plan: CancelPlan,
): Promise<void> {
  await sleep(system, plan.delayMs);
  await Promise.all(
    plan.methods.map(async (method) => {
      const outcome =
        method === 'rest'
          ? await cancelThroughApi(system, observations, id)
          : await cancelThroughTemporal(system, id, method);
      if (outcome !== null) observations.cancellations.push({ method, outcome });
    }),
  );
}

async function cancelThroughApi(
  system: SystemUnderTest,
  observations: ClientObservations,
  id: string,
): Promise<CancelResult['outcome'] | null> {
  const request = {
    body: { reason: 'changed my mind' },
    headers: bearer(observations),
    timeoutMs: CALL_TIMEOUT_MS,
  };
  for (let attempt = 0; !system.stopSignal.aborted; attempt += 1) {
    const response = await sendWithRetry(system, observations, attempt, `/api/orders/${id}/cancel`, request);
    if (response?.status === 200 || response?.status === 202) return 'accepted';
    if (response?.status === 409) return 'rejected';
    if (response?.status === 404)
      observations.violations.push('an accepted order was not found for its cancellation');
    await waitBeforeRetry(system, attempt);
  }
  return null;
}

async function cancelThroughTemporal(
  system: SystemUnderTest,
  id: string,
  method: 'signal' | 'native',
): Promise<CancelResult['outcome'] | null> {
  const { temporal } = system;
  const handle = temporal.workflow.getHandle(id);
  const request = { reason: 'called us', requestedBy: 'customer service' };
  for (let attempt = 0; !system.stopSignal.aborted; attempt += 1) {
    try {
      await temporal.withDeadline(Date.now() + CALL_TIMEOUT_MS, async () => {
        if (method === 'signal') await handle.signal('cancelOrder', request);
        else await handle.cancel();
      });
      return 'accepted';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'closed';
    }
    await waitBeforeRetry(system, attempt);
  }
  return null;
}

/** Sends one request, to another API process at each attempt. @returns null without a final response. */
export async function sendWithRetry<T>(
  { apiUrls }: SystemUnderTest,
  { plan, responseCounts, violations }: ClientObservations,
  attempt: number,
  path: string,
  request: HttpRequest,
): Promise<HttpResponse<T> | null> {
  const url = `${apiUrls[(plan.index + attempt) % apiUrls.length]}${path}`;
  const response = await sendRequest<T>(url, request).catch(() => null);
  const status = String(response?.status ?? 'none');
  responseCounts[status] = (responseCounts[status] ?? 0) + 1;
  if (response === null || RETRYABLE_STATUSES.includes(response.status)) return null;
  if (response.status >= 400 && ![402, 404, 409].includes(response.status)) {
    violations.push(`${path}: ${response.status} ${response.text}`);
  }
  return response;
}

const bearer = ({ orderToken }: ClientObservations) => ({ authorization: `Bearer ${orderToken}` });

export const waitBeforeRetry = (system: SystemUnderTest, attempt: number): Promise<void> =>
  sleep(system, Math.min(INITIAL_BACKOFF_MS * 2 ** attempt, MAX_BACKOFF_MS));

const sleep = ({ stopSignal }: SystemUnderTest, ms: number): Promise<void> =>
  delay(ms, undefined, { signal: stopSignal }).catch(() => undefined);

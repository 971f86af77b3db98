import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WithStartWorkflowOperation, type WorkflowStartOptions } from '@temporalio/client';
import type { Store } from '../../db/core/store';
import type { Order } from '../../domain/orders/order';
import { decisionEventKeys, type OrderSnapshot } from '../../domain/orders/order-events';
import { serviceUnavailable } from '../../domain/shared/errors';
import type { CloudEvent } from '../../domain/shared/events';
import { toOrderStartOptions } from '../../integrations/temporal/order-start-options';
import {
  ORDER_WORKFLOW,
  type OrderInput,
  PLACEMENT_UPDATE_ID,
  placement,
} from '../../workflows/orders/messages';
import type { PlacementDecisions } from './placement-decisions';

export interface OrderStartDependencies {
  store: Pick<Store, 'log'>;
  temporal: Client;
  decisions: PlacementDecisions;
  /** The client that shares its connection with this process's worker of orders; undefined while none accepts tasks. */
  eagerClient: () => Client | undefined;
  /** Aborted when waiting requests must be answered because the process stops. */
  shutdownSignal: AbortSignal;
}

export interface OrderStart {
  /** How long to wait for the decision, in milliseconds; 0 returns as soon as the order is started. */
  waitMs: number;
  /** An earlier request placed the order, and has probably started it. */
  isRepeated: boolean;
}

/** Temporal may have accepted the start although its response was lost. */
const START_UNKNOWN_DETAIL =
  'It is unknown whether the order was accepted. Repeat the request with the same Idempotency-Key to get the same order; without a key it would be a second order.';
/** For a request that does not wait for the decision. */
const START_TIMEOUT_MS = 5_000;
/** A process that is killed leaves its orders to others, whose decisions are found in the log. */
const INITIAL_LOG_POLL_MS = 1_000;
const MAX_LOG_POLL_MS = 4_000;

/**
 * Starts the order's workflow unless it is running, and waits for its decision: from this process and the log if the
 * server let its worker start the order (eager start), otherwise by the `placement` update.
 * @returns null when it is running but not decided within `waitMs`.
 * @throws AppError `service_unavailable` when the workflow is not known to have started.
 */
export async function startAndAwaitDecision(
  deps: OrderStartDependencies,
  input: OrderInput,
  { waitMs, isRepeated }: OrderStart,
): Promise<Order | null> {
  const { temporal, decisions, shutdownSignal } = deps;
  const { id } = input.order;
  const eagerClient = isRepeated ? undefined : deps.eagerClient();
  const isWaiting = waitMs > 0 && !shutdownSignal.aborted;
  const deadlineMs = Date.now() + (isWaiting ? waitMs : START_TIMEOUT_MS);
  const subscription = decisions.subscribe(id);
  // Later changes are published as well: the log has the first decision of an order that was started earlier.
  const ownDecision = subscription.decision.then((order) =>
    isRepeated || order.status === 'cancelling' ? findStoredDecision(deps, id).catch(() => null) : order,
  );
  let isStarted = false;

  const start = async (): Promise<boolean> => {
    if (eagerClient !== undefined) return startEagerly(eagerClient, decisions, input, deadlineMs);
    await temporal.workflow.start(ORDER_WORKFLOW, buildStartOptions(input));
    return false;
  };
  const startAndUpdate = async (signal: AbortSignal): Promise<Order> => {
    if (eagerClient === undefined) return startWithUpdate(temporal, input);
    const isEager = await start();
    isStarted = true;
    if (isEager && isPaidInProcess(input)) return pollStoredDecision(deps, id, signal);
    signal.throwIfAborted();
    return awaitPlacementUpdate(temporal, id);
  };

  try {
    return await withTimeLimit(deps, deadlineMs, (signal) =>
      isWaiting ? Promise.race([ownDecision, startAndUpdate(signal)]) : start().then(() => null),
    );
  } catch (error) {
    // The workflow is closed, or Temporal is slow or unavailable: the log and the server's record decide.
    const decided = await findStoredDecision(deps, id).catch(() => null);
    if (decided !== null) return decided;
    if (isStarted) return null;
    const described = isWorkflowStarted(temporal, id).then((isFound) => {
      if (isFound || isStarted) return null;
      throw serviceUnavailable(error, START_UNKNOWN_DETAIL);
    });
    return await Promise.race([ownDecision, described]);
  } finally {
    subscription.close();
  }
}

/** On one queue, the worker that runs the workflow also runs its payment, and commits the decision. */
const isPaidInProcess = ({ queues }: OrderInput): boolean => queues.payments === queues.orders;

/** The order as recorded in the log when it was decided; null while it is undecided. */
export async function findStoredDecision(
  { store }: Pick<OrderStartDependencies, 'store'>,
  orderId: string,
): Promise<Order | null> {
  const rows = await store.log.findByKeys(decisionEventKeys(orderId));
  const first = rows.sort((a, b) => a.seq - b.seq)[0];
  if (first === undefined) return null;
  const { time, data } = JSON.parse(first.body) as CloudEvent;
  return { ...(data.order as OrderSnapshot), updatedAtMs: Date.parse(time) };
}

async function pollStoredDecision(
  deps: OrderStartDependencies,
  orderId: string,
  signal: AbortSignal,
): Promise<Order> {
  for (let pauseMs = INITIAL_LOG_POLL_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_LOG_POLL_MS)) {
    await delay(pauseMs, undefined, { signal });
    const decided = await findStoredDecision(deps, orderId);
    if (decided !== null) return decided;
  }
}

/**
 * Runs `call` until `deadlineMs` or the shutdown, then rejects. Aborts what it leaves behind. A separate controller for
 * each request: the client leaves a listener on every signal it gets.
 */
async function withTimeLimit<T>(
  { temporal, shutdownSignal }: OrderStartDependencies,
  deadlineMs: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const abort = () => controller.abort();
  const timer = setTimeout(abort, deadlineMs - Date.now());
  shutdownSignal.addEventListener('abort', abort);
  // The connection of a worker does not observe the signal, and repeats a failed call beyond its deadline.
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
  try {
    const called = (async () =>
      temporal.withAbortSignal(signal, () => temporal.withDeadline(deadlineMs, () => call(signal))))();
    return await Promise.race([aborted, called]);
  } finally {
    clearTimeout(timer);
    shutdownSignal.removeEventListener('abort', abort);
    abort();
  }
}

/** @returns whether a worker of this process runs the first workflow task; false also if the workflow was running. */
async function startEagerly(
  client: Client,
  decisions: PlacementDecisions,
  input: OrderInput,
  deadlineMs: number,
): Promise<boolean> {
  const { id } = input.order;
  decisions.addEagerStart(id);
  let isEager = false;
  try {
    const { eagerlyStarted } = await client.withDeadline(deadlineMs, () =>
      client.workflow.start(ORDER_WORKFLOW, { ...buildStartOptions(input), requestEagerStart: true }),
    );
    isEager = eagerlyStarted;
    return isEager;
  } finally {
    if (!isEager) decisions.removeEagerStart(id);
  }
}

const startWithUpdate = (temporal: Client, input: OrderInput): Promise<Order> =>
  temporal.workflow.executeUpdateWithStart(placement, {
    updateId: PLACEMENT_UPDATE_ID,
    startWorkflowOperation: new WithStartWorkflowOperation(ORDER_WORKFLOW, buildStartOptions(input)),
  });

const awaitPlacementUpdate = (temporal: Client, orderId: string): Promise<Order> =>
  temporal.workflow.getHandle(orderId).executeUpdate(placement, { updateId: PLACEMENT_UPDATE_ID });

const buildStartOptions = (input: OrderInput) =>
  ({
    ...toOrderStartOptions(input),
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
  }) satisfies WorkflowStartOptions & { workflowIdConflictPolicy: 'USE_EXISTING' };

const DESCRIBE_TIMEOUT_MS = 3_000;

async function isWorkflowStarted(temporal: Client, id: string): Promise<boolean> {
  try {
    await temporal.withDeadline(Date.now() + DESCRIBE_TIMEOUT_MS, () =>
      temporal.workflow.getHandle(id).describe(),
    );
    return true;
  } catch {
    return false;
  }
}

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

export interface OrderStartDependencies {
  store: Pick<Store, 'log'>;
  temporal: Client;
  /** Aborted when waiting requests must be answered because the process stops. */
  shutdownSignal: AbortSignal;
}

/** Temporal may have accepted the start although its response was lost. */
const START_UNKNOWN_DETAIL =
  'It is unknown whether the order was accepted. Repeat the request with the same Idempotency-Key to get the same order; without a key it would be a second order.';
/** For a request that does not wait for the decision. */
const START_TIMEOUT_MS = 5_000;

/**
 * Starts the order's workflow unless it is running, and waits for its decision.
 * @returns null when it is running but not decided within `waitMs`.
 * @throws AppError `service_unavailable` when the workflow is not known to have started.
 */
export async function startAndAwaitDecision(
  deps: OrderStartDependencies,
  input: OrderInput,
  waitMs: number,
): Promise<Order | null> {
  const { temporal } = deps;
  const { id } = input.order;
  const options = buildStartOptions(input);
  try {
    if (waitMs <= 0) {
      await temporal.withDeadline(Date.now() + START_TIMEOUT_MS, () =>
        temporal.workflow.start(ORDER_WORKFLOW, options),
      );
      return null;
    }
    return await withShutdownSignal(deps, () =>
      temporal.withDeadline(Date.now() + waitMs, () =>
        temporal.workflow.executeUpdateWithStart(placement, {
          updateId: PLACEMENT_UPDATE_ID,
          startWorkflowOperation: new WithStartWorkflowOperation(ORDER_WORKFLOW, options),
        }),
      ),
    );
  } catch (error) {
    // The workflow is closed, or Temporal is slow or unavailable: the log and the server's record decide.
    const decided = await findStoredDecision(deps, id).catch(() => null);
    if (decided !== null) return decided;
    if (await isWorkflowStarted(temporal, id)) return null;
    throw serviceUnavailable(error, START_UNKNOWN_DETAIL);
  }
}

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

/**
 * Aborts calls to Temporal at shutdown. A separate controller for each call: the client leaves a listener on every signal
 * it gets, which leaks memory on a signal that lives as long as the process.
 */
async function withShutdownSignal<T>(
  { temporal, shutdownSignal }: OrderStartDependencies,
  calls: () => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  shutdownSignal.addEventListener('abort', abort);
  if (shutdownSignal.aborted) abort();
  try {
    return await temporal.withAbortSignal(controller.signal, calls);
  } finally {
    shutdownSignal.removeEventListener('abort', abort);
  }
}

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

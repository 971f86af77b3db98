import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowExecutionStatusName,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import type { OrderStatus } from '../../domain/orders/order';
import { sanitizeText } from '../../domain/orders/order-changes';
import type { WorkflowState } from '../../domain/orders/reconciliation';
import { cancelOrder, ORDER_WORKFLOW, type OrderInput } from '../../workflows/orders/messages';
import type { RestartMemo } from '../../workflows/reconciliation/messages';
import { searchAttributes } from '../../workflows/shared/search-attributes';
import { decodePayload, iterateHistoryEvents, timestampToMs } from './history';
import { toOrderStartOptions } from './order-start-options';

/** A page of listed workflows. */
export interface WorkflowPage {
  ids: string[];
  /** Cursor of the next page; null on the last page. */
  nextCursor: string | null;
}

export interface ListRequest {
  /** Milliseconds. */
  fromMs: number;
  toMs: number;
  /** Empty for the first page. */
  cursor: string;
  limit: number;
}

/** Access to order workflows for reconciliation. */
export interface OrderWorkflows {
  /** @returns the newest run; null if Temporal has no such workflow. */
  find(orderId: string): Promise<WorkflowState | null>;
  /** Lists workflows that closed in the time range without completing. Visibility is eventually consistent. */
  listFailed(request: ListRequest): Promise<WorkflowPage>;
  /** Lists running workflows started in the time range whose order is still `placed`. */
  listNotCreated(request: ListRequest): Promise<WorkflowPage>;
  /** Terminates a run; a closed one stays as it is. */
  terminate(orderId: string, runId: string, reason: string): Promise<void>;
  /**
   * Restarts an order's workflow unless it runs or has completed. A cancellation requested of the previous run is
   * requested again, because that run may have closed before processing it.
   * @returns false if the workflow was not started.
   */
  restart(input: OrderInput, memo: RestartMemo): Promise<boolean>;
}

const CALL_TIMEOUT_MS = 5_000;
/** Closed without completing. */
const FAILED_STATUSES = new Set<WorkflowExecutionStatusName>([
  'TERMINATED',
  'FAILED',
  'TIMED_OUT',
  'CANCELLED',
]);

/** @param taskQueue task queue of the orders; other queues of the namespace are ignored. */
export function createOrderWorkflows(client: Client, taskQueue: string): OrderWorkflows {
  const call = <T>(work: () => Promise<T>): Promise<T> =>
    client.withDeadline(Date.now() + CALL_TIMEOUT_MS, work);

  const list = async (condition: string, { cursor, limit }: ListRequest): Promise<WorkflowPage> => {
    const { executions, nextPageToken } = await call(() =>
      client.workflowService.listWorkflowExecutions({
        namespace: client.options.namespace,
        query: `WorkflowType = "${ORDER_WORKFLOW}" AND TaskQueue = "${taskQueue}" AND ${condition}`,
        pageSize: limit,
        nextPageToken: Buffer.from(cursor, 'base64'),
      }),
    );
    const next = Buffer.from(nextPageToken ?? []).toString('base64');
    return {
      ids: (executions ?? []).flatMap(({ execution }) => execution?.workflowId ?? []),
      nextCursor: next === '' ? null : next,
    };
  };

  return {
    async find(orderId) {
      try {
        const description = await call(() => client.workflow.getHandle(orderId).describe());
        const { name } = description.status;
        return {
          runId: description.runId,
          status: name === 'COMPLETED' ? 'completed' : FAILED_STATUSES.has(name) ? 'failed' : 'running',
          closeStatus: name.toLowerCase().replaceAll('_', ' '),
          startedAtMs: description.startTime.getTime(),
          orderStatus: (description.typedSearchAttributes.get(searchAttributes.status) ??
            null) as OrderStatus | null,
          pendingTask: toPendingTask(description.raw.pendingWorkflowTask),
          pendingActivity: describePendingActivity(description.raw.pendingActivities?.[0]),
        };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },

    listFailed: (request) =>
      list(
        `ExecutionStatus IN ("Terminated", "Failed", "TimedOut", "Canceled") AND ${timeRangeQuery('CloseTime', request)}`,
        request,
      ),

    listNotCreated: (request) =>
      list(
        `ExecutionStatus = "Running" AND OrderStatus = "placed" AND ${timeRangeQuery('StartTime', request)}`,
        request,
      ),

    async terminate(orderId, runId, reason) {
      try {
        await call(() => client.workflow.getHandle(orderId, runId).terminate(reason));
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },

    async restart(input, memo) {
      const options = {
        ...toOrderStartOptions(input),
        memo: { ...memo },
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' as const,
      };
      const { restartedAfterRun: runId } = memo;
      const cancellation =
        runId === null ? null : await findCancellationRequest(client, input.order.id, runId);
      try {
        await call(async () => {
          if (cancellation === null) await client.workflow.start(ORDER_WORKFLOW, options);
          else {
            const signalArgs: [unknown] = [cancellation];
            await client.workflow.signalWithStart(ORDER_WORKFLOW, {
              ...options,
              signal: cancelOrder,
              signalArgs,
            });
          }
        });
        return true;
      } catch (error) {
        if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
        throw error;
      }
    },
  };
}

const timeRangeQuery = (time: string, { fromMs, toMs }: ListRequest): string =>
  `${time} >= "${new Date(fromMs).toISOString()}" AND ${time} < "${new Date(toMs).toISOString()}"`;

function toPendingTask(
  task: temporal.api.workflow.v1.IPendingWorkflowTaskInfo | null | undefined,
): WorkflowState['pendingTask'] {
  if (!task) return null;
  return {
    attempt: task.attempt ?? 1,
    sinceMs: timestampToMs(task.originalScheduledTime ?? task.scheduledTime),
  };
}

function describePendingActivity(
  activity: temporal.api.workflow.v1.IPendingActivityInfo | undefined,
): string | null {
  if (activity === undefined) return null;
  const { activityType, attempt, lastFailure, lastStartedTime } = activity;
  const description = `${activityType?.name ?? 'an activity'}, attempt ${attempt ?? 1}`;
  if (!lastStartedTime) return `${description}, waiting for a worker`;
  const failure = sanitizeText(lastFailure?.message);
  return failure === null ? description : `${description}: ${failure}`;
}

/** The first cancellation requested of a closed run, as the payload of a `cancelOrder` signal. */
async function findCancellationRequest(client: Client, orderId: string, runId: string): Promise<unknown> {
  for await (const event of iterateHistoryEvents(client, orderId, runId)) {
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal?.signalName === cancelOrder.name) {
      const payload = signal.input?.payloads?.[0];
      return (payload ? decodePayload<unknown>(payload) : null) ?? {};
    }
    if (event.workflowExecutionCancelRequestedEventAttributes) return { requestedBy: 'temporal' };
  }
  return null;
}

import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowExecutionStatusName,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { cleanText } from '../../domain/orders/order-changes';
import type { WorkflowState } from '../../domain/orders/reconciliation';
import { cancelOrder, ORDER_WORKFLOW, type OrderInput, type RestartMemo } from '../../workflows/messages';
import { decode, historyEvents } from './history';
import { orderStartOptions } from './order-start';

/** A page of Temporal's list of workflows. */
export interface ListedPage {
  ids: string[];
  /** Where the next page begins; null after the last one. */
  next: string | null;
}

export interface ListRequest {
  /** Milliseconds. */
  fromMs: number;
  toMs: number;
  /** '' for the first page. */
  page: string;
  rows: number;
}

/** The workflows of orders, as reconciliation sees them: from outside. */
export interface OrderWorkflows {
  /** The newest run; null when Temporal does not know the workflow. */
  find(orderId: string): Promise<WorkflowState | null>;
  /** Those that ended in that time other than by coming to their end. The list lags behind. */
  listEnded(request: ListRequest): Promise<ListedPage>;
  /** Those that were started in that time, run, and have not got further than that. */
  listUnopened(request: ListRequest): Promise<ListedPage>;
  /**
   * Starts an order's workflow again, unless it runs or came to its end. A cancellation that the run before was asked for
   * is asked for again: it may have ended before it could do anything about it.
   * @returns false when it was not started.
   */
  restart(input: OrderInput, memo: RestartMemo): Promise<boolean>;
}

const CALL_TIMEOUT_MS = 5_000;
/** Closed, and not by coming to its end. */
const ENDED = new Set<WorkflowExecutionStatusName>(['TERMINATED', 'FAILED', 'TIMED_OUT', 'CANCELLED']);

/** @param taskQueue of the orders: others in the namespace belong to somebody else. */
export function createOrderWorkflows(client: Client, taskQueue: string): OrderWorkflows {
  const call = <T>(work: () => Promise<T>): Promise<T> =>
    client.withDeadline(Date.now() + CALL_TIMEOUT_MS, work);

  const list = async (condition: string, { page, rows }: ListRequest): Promise<ListedPage> => {
    const { executions, nextPageToken } = await call(() =>
      client.workflowService.listWorkflowExecutions({
        namespace: client.options.namespace,
        query: `WorkflowType = "${ORDER_WORKFLOW}" AND TaskQueue = "${taskQueue}" AND ${condition}`,
        pageSize: rows,
        nextPageToken: Buffer.from(page, 'base64'),
      }),
    );
    const next = Buffer.from(nextPageToken ?? []).toString('base64');
    return {
      ids: (executions ?? []).flatMap(({ execution }) => execution?.workflowId ?? []),
      next: next === '' ? null : next,
    };
  };

  return {
    async find(orderId) {
      try {
        const description = await call(() => client.workflow.getHandle(orderId).describe());
        const { name } = description.status;
        return {
          runId: description.runId,
          state: name === 'COMPLETED' ? 'completed' : ENDED.has(name) ? 'ended' : 'running',
          ended: name.toLowerCase().replaceAll('_', ' '),
          startedAtMs: description.startTime.getTime(),
          task: dueTask(description.raw.pendingWorkflowTask),
          trying: trying(description.raw.pendingActivities?.[0]),
        };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },

    listEnded: (request) =>
      list(
        `ExecutionStatus IN ("Terminated", "Failed", "TimedOut", "Canceled") AND ${within('CloseTime', request)}`,
        request,
      ),

    listUnopened: (request) =>
      list(
        `ExecutionStatus = "Running" AND OrderStatus = "placed" AND ${within('StartTime', request)}`,
        request,
      ),

    async restart(input, memo) {
      const options = {
        ...orderStartOptions(input),
        memo: { ...memo },
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' as const,
      };
      const { restartedAfterRun: runId } = memo;
      const cancellation = runId === null ? null : await requestedCancellation(client, input.order.id, runId);
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

const within = (time: string, { fromMs, toMs }: ListRequest): string =>
  `${time} >= "${new Date(fromMs).toISOString()}" AND ${time} < "${new Date(toMs).toISOString()}"`;

const toMs = (time: { seconds?: unknown; nanos?: number | null } | null | undefined): number =>
  Number(time?.seconds ?? 0) * 1_000 + Math.floor((time?.nanos ?? 0) / 1e6);

function dueTask(
  task: temporal.api.workflow.v1.IPendingWorkflowTaskInfo | null | undefined,
): WorkflowState['task'] {
  if (!task) return null;
  return { attempt: task.attempt ?? 1, sinceMs: toMs(task.originalScheduledTime ?? task.scheduledTime) };
}

function trying(activity: temporal.api.workflow.v1.IPendingActivityInfo | undefined): string | null {
  if (activity === undefined) return null;
  const { activityType, attempt, lastFailure, lastStartedTime } = activity;
  const what = `${activityType?.name ?? 'an activity'}, attempt ${attempt ?? 1}`;
  if (!lastStartedTime) return `${what}, which no worker has taken`;
  const why = cleanText(lastFailure?.message);
  return why === null ? what : `${what}: ${why}`;
}

/** What the ended run was last to do for whoever wanted the order cancelled, in the form of the `cancelOrder` signal. */
async function requestedCancellation(client: Client, orderId: string, runId: string): Promise<unknown> {
  for await (const event of historyEvents(client, orderId, runId)) {
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal?.signalName === cancelOrder.name) {
      const payload = signal.input?.payloads?.[0];
      return (payload ? decode<unknown>(payload) : null) ?? {};
    }
    if (event.workflowExecutionCancelRequestedEventAttributes) return { requestedBy: 'temporal' };
  }
  return null;
}

import { Client, Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { searchAttributes } from '../../workflows/shared/search-attributes';
import type { TaskQueues } from '../../workflows/shared/task-queues';

export interface TemporalConnectionOptions {
  address: string;
  namespace: string;
}

/** Creates a lazily connecting client, so that processes start while Temporal is unavailable. */
export function createTemporalClient({ address, namespace }: TemporalConnectionOptions): Client {
  const connection = Connection.lazy({
    address,
    connectTimeout: 5_000,
    // The default of two minutes delays recovery after a long outage.
    channelArgs: { 'grpc.max_reconnect_backoff_ms': 5_000 },
  });
  return new Client({ connection, namespace });
}

const { IndexedValueType } = temporal.api.enums.v1;
const INDEXED_TYPES = {
  KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  INT: IndexedValueType.INDEXED_VALUE_TYPE_INT,
  BOOL: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
} as const;

/** Registers missing search attributes. Idempotent and safe to run concurrently. */
export async function registerSearchAttributes(client: Client): Promise<void> {
  const connection = client.connection as Connection;
  const { namespace } = client.options;
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.values(searchAttributes).filter(({ name }) => !(name in (customAttributes ?? {})));
  if (missing.length === 0) return;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(
        missing.map(({ name, type }) => [name, INDEXED_TYPES[type as keyof typeof INDEXED_TYPES]]),
      ),
    });
  } catch (error) {
    if (!/already exists/i.test(String(error))) throw error;
  }
}

/** Workers poll at least once a minute; the server lists a killed one for five. */
const POLLER_ACTIVE_WITHIN_MS = 90_000;

const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = temporal.api.enums.v1.TaskQueueType;

/** Task queues that a placement needs: order workflow tasks and payment activities. */
const getPlacementQueues = ({ orders, payments }: TaskQueues) => ({
  orders: { name: orders, type: TASK_QUEUE_TYPE_WORKFLOW },
  payments: { name: payments, type: TASK_QUEUE_TYPE_ACTIVITY },
});

/** @returns the placement queues without a recent poller. */
export async function listQueuesWithoutPollers(client: Client, queues: TaskQueues): Promise<string[]> {
  const unpolled = await Promise.all(
    Object.entries(getPlacementQueues(queues)).map(async ([name, queue]) => {
      const { pollers } = await describeTaskQueue(client, queue);
      const sinceMs = Date.now() - POLLER_ACTIVE_WITHIN_MS;
      const isPolled = (pollers ?? []).some(
        ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000 > sinceMs,
      );
      return isPolled ? [] : [name];
    }),
  );
  return unpolled.flat();
}

/** Approximate number of placement tasks that wait for a worker; the server's count is some seconds old. */
export async function getBacklogCount(client: Client, queues: TaskQueues): Promise<number> {
  const counts = await Promise.all(
    Object.values(getPlacementQueues(queues)).map(async (queue) => {
      const { stats } = await describeTaskQueue(client, queue);
      return Number(stats?.approximateBacklogCount ?? 0);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

const describeTaskQueue = (
  client: Client,
  { name, type }: { name: string; type: temporal.api.enums.v1.TaskQueueType },
) =>
  client.withDeadline(Date.now() + 2_000, () =>
    client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name },
      taskQueueType: type,
      reportStats: true,
    }),
  );

/** Whether the server responds and has the namespace. */
export async function isTemporalReady(client: Client): Promise<boolean> {
  try {
    await client.withDeadline(Date.now() + 2_000, () =>
      client.workflowService.describeNamespace({ namespace: client.options.namespace }),
    );
    return true;
  } catch {
    return false;
  }
}

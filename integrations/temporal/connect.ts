import { Client, Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { searchAttributes } from '../../workflows/shared/search-attributes';
import type { TaskQueues } from '../../workflows/shared/task-queues';

export interface TemporalConnectionOptions {
  address: string;
  namespace: string;
}

/** A client that connects when first used: the API starts, and says what it lacks, while Temporal is away. */
export function createTemporalClient({ address, namespace }: TemporalConnectionOptions): Client {
  const connection = Connection.lazy({
    address,
    connectTimeout: 5_000,
    // The default is two minutes: so long after a long outage nobody would notice that it is over.
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

/** Registers the search attributes that the namespace lacks. Safe to run at every start, and by several at once. */
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

/** A worker asks for tasks at least once a minute; one that is killed stays on the server's list for five. */
const POLLER_ACTIVE_WITHIN_MS = 90_000;

const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = temporal.api.enums.v1.TaskQueueType;

/** What placements wait for: workflow tasks of the orders and activities of their payments. */
const getPlacementQueues = ({ orders, payments }: TaskQueues) => ({
  orders: { name: orders, type: TASK_QUEUE_TYPE_WORKFLOW },
  payments: { name: payments, type: TASK_QUEUE_TYPE_ACTIVITY },
});

/** Of the queues that a placement needs, those that no worker has asked for tasks lately. */
export async function listQueuesWithoutPollers(client: Client, queues: TaskQueues): Promise<string[]> {
  const polled = await Promise.all(
    Object.entries(getPlacementQueues(queues)).map(async ([name, queue]) => {
      const { pollers } = await describeTaskQueue(client, queue);
      const sinceMs = Date.now() - POLLER_ACTIVE_WITHIN_MS;
      const isPolled = (pollers ?? []).some(
        ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000 > sinceMs,
      );
      return isPolled ? [] : [name];
    }),
  );
  return polled.flat();
}

/** Tasks of placements that wait for a worker, as the server counts them: about as many, some seconds ago. */
export async function getBacklogCount(client: Client, queues: TaskQueues): Promise<number> {
  const counts = await Promise.all(
    Object.values(getPlacementQueues(queues)).map(async (queue) => {
      const { stats } = await describeTaskQueue(client, queue);
      return Number(stats?.approximateBacklogCount ?? 0);
    }),
  );
  return counts.reduce((all, count) => all + count, 0);
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

/** Whether the server answers and knows the namespace. */
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

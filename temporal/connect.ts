import { Client, Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { searchAttributes } from '../workflows/messages';

export interface TemporalAddress {
  address: string;
  namespace: string;
}

/** A client that connects when first used: the API starts, and says what it lacks, while Temporal is away. */
export function createTemporalClient({ address, namespace }: TemporalAddress): Client {
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
const POLLED_WITHIN_MS = 90_000;

/** Whether a worker has asked for workflow tasks of that queue lately. */
export async function hasPoller(client: Client, taskQueue: string): Promise<boolean> {
  const { pollers } = await describeWorkflowQueue(client, taskQueue);
  return (pollers ?? []).some(
    ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000 > Date.now() - POLLED_WITHIN_MS,
  );
}

/** Workflow tasks of that queue that wait for a worker, as the server counts them: about as many. */
export async function waitingTasks(client: Client, taskQueue: string): Promise<number> {
  const { stats } = await describeWorkflowQueue(client, taskQueue);
  return Number(stats?.approximateBacklogCount ?? 0);
}

const describeWorkflowQueue = (client: Client, name: string) =>
  client.withDeadline(Date.now() + 2_000, () =>
    client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name },
      taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
      reportStats: true,
    }),
  );

/** Whether the server answers and knows the namespace. */
export async function temporalIsReady(client: Client): Promise<boolean> {
  try {
    await client.withDeadline(Date.now() + 2_000, () =>
      client.workflowService.describeNamespace({ namespace: client.options.namespace }),
    );
    return true;
  } catch {
    return false;
  }
}

import { createApp } from '../../../api/http/app';
import type { ApiContext } from '../../../api/http/context';
import { type ApiServer, listen } from '../../../api/http/server';
import type { PlacedOrder } from '../../../api/orders/schemas';
import type { HistoryEvent } from '../../../integrations/temporal/history';
import { createApiContext } from '../../harness/http/api-context';
import { type HttpResponse, sendRequest } from '../../harness/http/http-client';
import type { WorkflowTestEnv } from '../../harness/workflow/workflow-test-env';

export interface PlacementApi {
  server: ApiServer;
  place<T = PlacedOrder>(body: unknown, headers?: Record<string, string>): Promise<HttpResponse<T>>;
}

/** Serves the API of a test environment, whose workers run in the same process. */
export async function servePlacements(
  env: WorkflowTestEnv,
  overrides: Partial<ApiContext> = {},
): Promise<PlacementApi> {
  const { store, client: temporal, queues, policy, decisions, eagerClient } = env;
  const context = createApiContext({ store, temporal, queues, policy, decisions, eagerClient, ...overrides });
  const server = await listen(createApp(context), '127.0.0.1', 0);
  return {
    server,
    place: (body, headers = {}) => sendRequest(`${server.url}/api/orders`, { body, headers }),
  };
}

/** How an order was started and whether an update was sent to it. */
export async function describeStart(env: WorkflowTestEnv, orderId: string) {
  const { events } = await env.getHandle(orderId).fetchHistory();
  const all = (events ?? []) as HistoryEvent[];
  return {
    eager: all[0]?.workflowExecutionStartedEventAttributes?.eagerExecutionAccepted === true,
    updates: all.filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes).length,
  };
}

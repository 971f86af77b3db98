import { type Client, isGrpcServiceError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { sanitizeClaim } from '../../domain/orders/order-changes';
import { publicFailureMessage } from '../../domain/shared/public-failure-message';
import { cancelOrder } from '../../workflows/orders/messages';
import type { RestartMemo } from '../../workflows/reconciliation/messages';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** A history event shown to users: signals, cancellations, retries, failures, resets. */
export interface WorkflowEntry {
  /** Event id in the newest run; null if the event is pending or belongs to an earlier run. */
  eventId: number | null;
  atMs: number;
  type: string;
  what: string;
  by: string;
}

export interface WorkflowHistory {
  /** `runId`, `status` and `eventCount` are those of the newest run. */
  runId: string;
  status: string;
  eventCount: number;
  /** Sequence number in the order's stream → hash recorded in the history. */
  anchors: Map<number, string>;
  entries: WorkflowEntry[];
}

const PAGE_TIMEOUT_MS = 5_000;
/** Safety limit, far above the history of an order. */
const MAX_PAGES = 60;
/** Only the latest runs are read. */
const MAX_RUNS = 10;
/** gRPC status code. */
const NOT_FOUND = 5;
const { WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW } = temporal.api.enums.v1.WorkflowTaskFailedCause;

/**
 * Reads the relevant events of a workflow's newest run and of the earlier runs it was reset from or restarted after.
 * @throws WorkflowNotFoundError if Temporal has no such workflow.
 */
export async function readWorkflowHistory(client: Client, workflowId: string): Promise<WorkflowHistory> {
  const description = await client.withDeadline(Date.now() + PAGE_TIMEOUT_MS, () =>
    client.workflow.getHandle(workflowId).describe(),
  );
  const history: WorkflowHistory = {
    runId: description.runId,
    status: description.status.name,
    eventCount: description.historyLength,
    anchors: new Map(),
    entries: listPendingRetries(description.raw.pendingActivities ?? []),
  };
  let previous = await readRun(client, workflowId, { runId: description.runId, skipToEventId: 0 }, history);
  for (let runs = 1; previous !== null && runs < MAX_RUNS; runs += 1) {
    previous = await readRun(client, workflowId, previous, history).catch((error: unknown) => {
      // The retention of each run ends separately.
      if (isGrpcServiceError(error) && Number(error.code) === NOT_FOUND) return null;
      throw error;
    });
  }
  return history;
}

/** A run of a workflow. Events up to `skipToEventId` are copied in the later run that was reset from it. */
interface HistoryRun {
  runId: string;
  skipToEventId: number;
}

/** Adds the events of one run. @returns the previous run. */
async function readRun(
  client: Client,
  workflowId: string,
  { runId, skipToEventId }: HistoryRun,
  history: WorkflowHistory,
): Promise<HistoryRun | null> {
  const activities = new Map<string, string>();
  let previous: HistoryRun | null = null;
  for await (const event of iterateHistoryEvents(client, workflowId, runId)) {
    collectAnchor(event, history.anchors);
    previous = findPreviousRun(event) ?? previous;
    const entry = toEntry(event, activities);
    if (entry === null || Number(event.eventId) <= skipToEventId) continue;
    history.entries.push(runId === history.runId ? entry : { ...entry, eventId: null });
  }
  return previous;
}

/** The earlier run that an event refers to: restarted after it or reset from it. */
function findPreviousRun({
  eventId,
  workflowExecutionStartedEventAttributes: started,
  workflowTaskFailedEventAttributes: failed,
}: HistoryEvent): HistoryRun | null {
  if (failed?.cause === WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW && failed.baseRunId) {
    return { runId: failed.baseRunId, skipToEventId: Number(eventId) - 1 };
  }
  const runId = parseRestartMemo(started)?.restartedAfterRun;
  return runId ? { runId, skipToEventId: 0 } : null;
}

/** The memo of a run that reconciliation started. */
function parseRestartMemo(
  started: HistoryEvent['workflowExecutionStartedEventAttributes'],
): RestartMemo | null {
  const { restartedBecause: because, restartedAfterRun: after } = started?.memo?.fields ?? {};
  if (!because) return null;
  return {
    restartedBecause: decodePayload<string>(because) ?? '',
    restartedAfterRun: after ? decodePayload<string>(after) : null,
  };
}

/** Iterates over the events of one run, reading pages. */
export async function* iterateHistoryEvents(
  client: Client,
  workflowId: string,
  runId: string,
): AsyncGenerator<HistoryEvent> {
  const { namespace } = client.options;
  let nextPageToken: Uint8Array | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const response = await client.withDeadline(Date.now() + PAGE_TIMEOUT_MS, () =>
      client.workflowService.getWorkflowExecutionHistory({
        namespace,
        execution: { workflowId, runId },
        ...(nextPageToken === undefined ? {} : { nextPageToken }),
      }),
    );
    yield* response.history?.events ?? [];
    nextPageToken = response.nextPageToken ?? undefined;
    if (nextPageToken === undefined || nextPageToken.length === 0) return;
  }
}

/** Failed attempts enter the history only with the last attempt, so pending retries come from the description. */
function listPendingRetries(
  pending: readonly temporal.api.workflow.v1.IPendingActivityInfo[],
): WorkflowEntry[] {
  return pending
    .filter(({ attempt }) => (attempt ?? 1) > 1)
    .map(({ attempt, activityType, lastFailure, lastStartedTime }) => ({
      eventId: null,
      atMs: timestampToMs(lastStartedTime),
      type: 'ActivityRetrying',
      what: `Attempt ${attempt} of ${activityType?.name ?? 'an activity'} is pending: ${describeFailure(lastFailure) ?? 'the worker was lost'}`,
      by: 'system',
    }));
}

/** The result of a step contains the head of the log's chain. Local activities record theirs in a marker. */
function collectAnchor(event: HistoryEvent, anchors: Map<number, string>): void {
  const result =
    event.markerRecordedEventAttributes?.details?.result ??
    event.activityTaskCompletedEventAttributes?.result;
  const payload = result?.payloads?.[0];
  if (payload === undefined || payload === null) return;
  const { head } = decodePayload<{ head?: { seq: number; hash: string } }>(payload) ?? {};
  if (head === undefined) return;
  const recorded = anchors.get(head.seq) ?? head.hash;
  // Runs with different hashes for one event: no log can match both.
  anchors.set(head.seq, recorded === head.hash ? recorded : `${recorded} and ${head.hash}`);
}

function toEntry(event: HistoryEvent, activities: Map<string, string>): WorkflowEntry | null {
  const id = String(event.eventId);
  const entry = (type: string, what: string, by = 'system'): WorkflowEntry => ({
    eventId: Number(id),
    atMs: timestampToMs(event.eventTime),
    type,
    what,
    by,
  });
  const summary = event.userMetadata?.summary;
  const purpose = (fallback: string) => (summary ? decodePayload<string>(summary) : null) ?? fallback;

  if (event.workflowExecutionSignaledEventAttributes) {
    const { signalName, input } = event.workflowExecutionSignaledEventAttributes;
    const payload = input?.payloads?.[0];
    const request = (payload ? decodePayload<{ requestedBy?: unknown }>(payload) : null) ?? {};
    const claim = sanitizeClaim(request.requestedBy);
    const verb = signalName === cancelOrder.name ? 'requests cancellation' : 'received';
    return entry(
      'SignalReceived',
      `Signal ${signalName} ${verb}`,
      claim === null ? 'signal' : `signal (claims: ${claim})`,
    );
  }
  if (event.workflowExecutionCancelRequestedEventAttributes) {
    return entry('CancelRequested', 'Workflow cancellation requested in Temporal', 'temporal');
  }
  if (event.workflowExecutionTerminatedEventAttributes) {
    return entry('Terminated', 'The workflow was terminated', 'temporal');
  }
  const restart = parseRestartMemo(event.workflowExecutionStartedEventAttributes);
  if (restart !== null) return entry('Restarted', `The workflow was restarted: ${restart.restartedBecause}`);
  if (event.workflowTaskFailedEventAttributes?.cause === WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW) {
    return entry('Reset', 'The workflow was reset', 'temporal');
  }
  if (event.activityTaskScheduledEventAttributes) {
    activities.set(id, purpose(event.activityTaskScheduledEventAttributes.activityType?.name ?? 'activity'));
    return null;
  }
  const started = event.activityTaskStartedEventAttributes;
  if (started && (started.attempt ?? 1) > 1) {
    const name = activities.get(String(started.scheduledEventId)) ?? 'activity';
    return entry(
      'ActivityRetried',
      `Attempt ${started.attempt} to ${name}; previous attempt: ${describeFailure(started.lastFailure) ?? 'the worker was lost'}`,
    );
  }
  const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
  if (failed) {
    const name = activities.get(String(failed.scheduledEventId)) ?? 'activity';
    return entry('ActivityFailed', `Could not ${name}: ${describeFailure(failed.failure) ?? 'timed out'}`);
  }
  if (event.timerStartedEventAttributes) return entry('TimerStarted', `Waiting: ${purpose('timer')}`);
  return null;
}

/** A failure message that is safe to show; null if there is none. */
function describeFailure(failure: temporal.api.failure.v1.IFailure | null | undefined): string | null {
  if (!failure) return null;
  let deepest = failure;
  while (deepest.cause) deepest = deepest.cause;
  const { message, applicationFailureInfo, timeoutFailureInfo } = deepest;
  return publicFailureMessage({
    type: applicationFailureInfo?.type,
    message,
    isTimeout: Boolean(timeoutFailureInfo),
  });
}

export function decodePayload<T>(payload: temporal.api.common.v1.IPayload): T | null {
  try {
    return defaultPayloadConverter.fromPayload<T>(payload);
  } catch {
    return null;
  }
}

export const timestampToMs = (time: HistoryEvent['eventTime']): number =>
  Number(time?.seconds ?? 0) * 1_000 + Math.floor((time?.nanos ?? 0) / 1e6);

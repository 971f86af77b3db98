import { type Client, isGrpcServiceError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { sanitizeClaim } from '../../domain/orders/order-changes';
import { publicFailureMessage } from '../../domain/shared/public-failure-message';
import { cancelOrder } from '../../workflows/orders/messages';
import type { RestartMemo } from '../../workflows/reconciliation/messages';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** What a workflow's history adds to the audit rows: what people and outages did to it. */
export interface WorkflowEntry {
  /** In the newest run; null for what is not in its history (yet, or because a run before did it). */
  eventId: number | null;
  atMs: number;
  type: string;
  what: string;
  by: string;
}

export interface WorkflowHistory {
  /** Of the newest run, as `status` and `events`. */
  runId: string;
  status: string;
  eventCount: number;
  /** Position in the order's stream → the hash that the workflow was told. */
  anchors: Map<number, string>;
  entries: WorkflowEntry[];
}

const PAGE_TIMEOUT_MS = 5_000;
/** Far above what an order writes; the bound is against a runaway. */
const MAX_PAGES = 60;
/** One that was reset or restarted more often tells of its last runs. */
const MAX_RUNS = 10;
/** Of gRPC. */
const NOT_FOUND = 5;
const { WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW } = temporal.api.enums.v1.WorkflowTaskFailedCause;

/**
 * Reads the whole history, page by page, and keeps what a person asks for: of the newest run, and of those before it that
 * it was reset from or restarted after. @throws when Temporal does not know the workflow.
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
  let before = await readRun(client, workflowId, { runId: description.runId, skipToEventId: 0 }, history);
  for (let runs = 1; before !== null && runs < MAX_RUNS; runs += 1) {
    before = await readRun(client, workflowId, before, history).catch((error: unknown) => {
      // Each run is forgotten in its own time.
      if (isGrpcServiceError(error) && Number(error.code) === NOT_FOUND) return null;
      throw error;
    });
  }
  return history;
}

/** One run of a workflow. What it did up to event `toldTo` is told by the run after it, which began as its copy. */
interface HistoryRun {
  runId: string;
  skipToEventId: number;
}

/** Adds what one run tells. @returns the run before it. */
async function readRun(
  client: Client,
  workflowId: string,
  { runId, skipToEventId }: HistoryRun,
  history: WorkflowHistory,
): Promise<HistoryRun | null> {
  const activities = new Map<string, string>();
  let before: HistoryRun | null = null;
  for await (const event of iterateHistoryEvents(client, workflowId, runId)) {
    collectAnchor(event, history.anchors);
    before = findPreviousRun(event) ?? before;
    const entry = toEntry(event, activities);
    if (entry === null || Number(event.eventId) <= skipToEventId) continue;
    history.entries.push(runId === history.runId ? entry : { ...entry, eventId: null });
  }
  return before;
}

/** The run that this event of another one refers to: it was started after it, or reset from it. */
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

/** What reconciliation wrote down when it started this run. */
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

/** The events of one run, page by page. */
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

/** Attempts that failed are not in the history before the last one ends. */
function listPendingRetries(
  pending: readonly temporal.api.workflow.v1.IPendingActivityInfo[],
): WorkflowEntry[] {
  return pending
    .filter(({ attempt }) => (attempt ?? 1) > 1)
    .map(({ attempt, activityType, lastFailure, lastStartedTime }) => ({
      eventId: null,
      atMs: timestampToMs(lastStartedTime),
      type: 'ActivityRetrying',
      what: `Attempt ${attempt} of ${activityType?.name ?? 'an activity'} is due: ${describeFailure(lastFailure) ?? 'the worker was lost'}`,
      by: 'system',
    }));
}

/** Local activities leave their result in a marker: the head of the log's chain is in it. */
function collectAnchor(event: HistoryEvent, anchors: Map<number, string>): void {
  const payload = event.markerRecordedEventAttributes?.details?.result?.payloads?.[0];
  if (payload === undefined || payload === null) return;
  const { head } = decodePayload<{ head?: { seq: number; hash: string } }>(payload) ?? {};
  if (head === undefined) return;
  const told = anchors.get(head.seq) ?? head.hash;
  // Runs that were told different things: no log can agree with both.
  anchors.set(head.seq, told === head.hash ? told : `${told} and ${head.hash}`);
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
    const verb = signalName === cancelOrder.name ? 'asks for cancellation' : 'received';
    return entry(
      'SignalReceived',
      `Signal ${signalName} ${verb}`,
      claim === null ? 'signal' : `signal (claims: ${claim})`,
    );
  }
  if (event.workflowExecutionCancelRequestedEventAttributes) {
    return entry('CancelRequested', 'Temporal was asked to cancel the workflow', 'temporal');
  }
  if (event.workflowExecutionTerminatedEventAttributes) {
    return entry('Terminated', 'The workflow was terminated', 'temporal');
  }
  const restart = parseRestartMemo(event.workflowExecutionStartedEventAttributes);
  if (restart !== null)
    return entry('Restarted', `The workflow was started again: ${restart.restartedBecause}`);
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
      `Attempt ${started.attempt} to ${name}: before it, ${describeFailure(started.lastFailure) ?? 'the worker was lost'}`,
    );
  }
  const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
  if (failed) {
    const name = activities.get(String(failed.scheduledEventId)) ?? 'activity';
    return entry(
      'ActivityFailed',
      `Could not ${name}: ${describeFailure(failed.failure) ?? 'no answer in time'}`,
    );
  }
  if (event.timerStartedEventAttributes) return entry('TimerStarted', `Waiting: ${purpose('timer')}`);
  return null;
}

/** Why an activity failed, for whoever reads the order; null when nothing is known of it. */
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

const timestampToMs = (time: HistoryEvent['eventTime']): number =>
  Number(time?.seconds ?? 0) * 1_000 + Math.floor((time?.nanos ?? 0) / 1e6);

import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import { cleanText } from '../domain/order-changes';
import { cancelOrder } from '../workflows/messages';

type RawEvent = temporal.api.history.v1.IHistoryEvent;

/** What a workflow's history adds to the audit rows: what people and outages did to it. */
export interface WorkflowEntry {
  /** null for what is under way: it is not in the history yet. */
  eventId: number | null;
  atMs: number;
  type: string;
  what: string;
  by: string;
}

export interface WorkflowHistory {
  runId: string;
  status: string;
  /** Events in the history. */
  events: number;
  /** Position in the order's stream → the hash that the workflow was told. */
  anchors: Map<number, string>;
  entries: WorkflowEntry[];
}

const PAGE_TIMEOUT_MS = 5_000;
/** Far above what an order writes; the bound is against a runaway. */
const MAX_PAGES = 60;

/** Reads the whole history, page by page, and keeps what a person asks for. @throws when Temporal does not know it. */
export async function readWorkflowHistory(client: Client, workflowId: string): Promise<WorkflowHistory> {
  const { namespace } = client.options;
  const description = await client.withDeadline(Date.now() + PAGE_TIMEOUT_MS, () =>
    client.workflow.getHandle(workflowId).describe(),
  );
  const history: WorkflowHistory = {
    runId: description.runId,
    status: description.status.name,
    events: description.historyLength,
    anchors: new Map(),
    entries: retriesUnderWay(description.raw.pendingActivities ?? []),
  };
  const activities = new Map<string, string>();
  let nextPageToken: Uint8Array | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const response = await client.withDeadline(Date.now() + PAGE_TIMEOUT_MS, () =>
      client.workflowService.getWorkflowExecutionHistory({
        namespace,
        execution: { workflowId, runId: description.runId },
        ...(nextPageToken === undefined ? {} : { nextPageToken }),
      }),
    );
    for (const event of response.history?.events ?? []) {
      collectAnchor(event, history.anchors);
      const entry = toEntry(event, activities);
      if (entry !== null) history.entries.push(entry);
    }
    nextPageToken = response.nextPageToken ?? undefined;
    if (nextPageToken === undefined || nextPageToken.length === 0) break;
  }
  return history;
}

/** Attempts that failed are not in the history before the last one ends. */
function retriesUnderWay(pending: readonly temporal.api.workflow.v1.IPendingActivityInfo[]): WorkflowEntry[] {
  return pending
    .filter(({ attempt }) => (attempt ?? 1) > 1)
    .map(({ attempt, activityType, lastFailure, lastStartedTime }) => ({
      eventId: null,
      atMs: toMs(lastStartedTime),
      type: 'ActivityRetrying',
      what: `Attempt ${attempt} of ${activityType?.name ?? 'an activity'} is due: ${innermost(lastFailure) ?? 'the worker was lost'}`,
      by: 'system',
    }));
}

/** Local activities leave their result in a marker: the head of the log's chain is in it. */
function collectAnchor(event: RawEvent, anchors: Map<number, string>): void {
  const payload = event.markerRecordedEventAttributes?.details?.result?.payloads?.[0];
  if (payload === undefined || payload === null) return;
  const { head } = decode<{ head?: { seq: number; hash: string } }>(payload) ?? {};
  if (head !== undefined) anchors.set(head.seq, head.hash);
}

function toEntry(event: RawEvent, activities: Map<string, string>): WorkflowEntry | null {
  const id = String(event.eventId);
  const entry = (type: string, what: string, by = 'system'): WorkflowEntry => ({
    eventId: Number(id),
    atMs: toMs(event.eventTime),
    type,
    what,
    by,
  });
  const summary = event.userMetadata?.summary;
  const purpose = (fallback: string) => (summary ? decode<string>(summary) : null) ?? fallback;

  if (event.workflowExecutionSignaledEventAttributes) {
    const { signalName, input } = event.workflowExecutionSignaledEventAttributes;
    const payload = input?.payloads?.[0];
    const request = (payload ? decode<{ requestedBy?: unknown }>(payload) : null) ?? {};
    const claim = cleanText(request.requestedBy);
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
  if (event.activityTaskScheduledEventAttributes) {
    activities.set(id, purpose(event.activityTaskScheduledEventAttributes.activityType?.name ?? 'activity'));
    return null;
  }
  const started = event.activityTaskStartedEventAttributes;
  if (started && (started.attempt ?? 1) > 1) {
    const name = activities.get(String(started.scheduledEventId)) ?? 'activity';
    return entry(
      'ActivityRetried',
      `Attempt ${started.attempt} to ${name}: before it, ${started.lastFailure?.message ?? 'the worker was lost'}`,
    );
  }
  const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
  if (failed) {
    const name = activities.get(String(failed.scheduledEventId)) ?? 'activity';
    return entry('ActivityFailed', `Could not ${name}: ${innermost(failed.failure) ?? 'no answer in time'}`);
  }
  if (event.timerStartedEventAttributes) return entry('TimerStarted', `Waiting: ${purpose('timer')}`);
  return null;
}

function innermost(failure: temporal.api.failure.v1.IFailure | null | undefined): string | null {
  let deepest = failure;
  while (deepest?.cause) deepest = deepest.cause;
  return deepest?.message ?? null;
}

function decode<T>(payload: temporal.api.common.v1.IPayload): T | null {
  try {
    return defaultPayloadConverter.fromPayload<T>(payload);
  } catch {
    return null;
  }
}

const toMs = (time: RawEvent['eventTime']): number =>
  Number(time?.seconds ?? 0) * 1_000 + Math.floor((time?.nanos ?? 0) / 1e6);

import {
  ActivityFailure,
  CancellationScope,
  CancelledFailure,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
} from '@temporalio/workflow';
import type { ImportActivities, ImportProgress } from '../../activities/product-imports';
import { getProgressPercent, type ImportOutcome } from '../../domain/catalogue/product-import';
import { describeFailure } from '../orders/order-state';
import type { ImportInput, ImportResult } from './messages';

/**
 * Applies a stored product file chunk by chunk. Temporal's cancel takes effect between two chunks: applied chunks stay
 * applied, and the workflow closes as cancelled.
 */
export async function importProducts(input: ImportInput): Promise<ImportResult> {
  const { importId, policy } = input;
  const rootScope = CancellationScope.current();
  const progress = await CancellationScope.nonCancellable(() =>
    applyChunks(input, () => rootScope.consideredCancelled),
  );
  if (progress === 'continue_as_new') return continueAsNew<typeof importProducts>({ importId, policy });
  if (progress.status === 'cancelled') throw new CancelledFailure('the import was cancelled');
  return progress;
}

/** @returns `continue_as_new` after `chunksPerRun` chunks. */
async function applyChunks(
  input: ImportInput,
  isCancelled: () => boolean,
): Promise<ImportResult | 'continue_as_new'> {
  const { importId, policy } = input;
  let progress = await importActivities(input, 'start the import').startImport(importId);
  updateCurrentDetails(progress);
  for (let applied = 0; progress.outcome === null && progress.appliedChunks < progress.chunks; applied += 1) {
    if (isCancelled()) return finishImport(input, 'cancelled', null);
    if (applied === policy.chunksPerRun) return 'continue_as_new';
    const chunk = progress.appliedChunks;
    try {
      const summary = `apply chunk ${chunk + 1} of ${progress.chunks}`;
      progress = await importActivities(input, summary, '10s').applyChunk(importId, chunk);
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      return finishImport(
        input,
        'failed',
        `Chunk ${chunk + 1} could not be applied: ${describeFailure(error)}`,
      );
    }
    updateCurrentDetails(progress);
  }
  return finishImport(input, 'completed', null);
}

/**
 * An import that a run before a reset finished keeps its outcome.
 * @returns `continue_as_new` if the database was restored to an earlier state: the next run resumes from there.
 */
async function finishImport(
  input: ImportInput,
  requestedOutcome: ImportOutcome,
  failure: string | null,
): Promise<ImportResult | 'continue_as_new'> {
  const progress = await importActivities(input, `finish the import: ${requestedOutcome}`).finishImport(
    input.importId,
    requestedOutcome,
    failure,
  );
  updateCurrentDetails(progress);
  const { rows, doneRows, created, updated, unchanged, faulty, outcome } = progress;
  if (outcome === null) return 'continue_as_new';
  return { status: outcome, rows, doneRows, created, updated, unchanged, faulty };
}

/**
 * Retried without limit; only non-retryable failures fail the import. Not local activities: consecutive local activities
 * delay a cancel by seconds, and their retries during a database outage add history events.
 * @param heartbeatTimeout for steps that send heartbeats.
 */
const importActivities = ({ policy }: ImportInput, summary: string, heartbeatTimeout?: '10s') =>
  proxyActivities<ImportActivities>({
    summary,
    startToCloseTimeout: policy.chunkTimeoutMs,
    ...(heartbeatTimeout === undefined ? {} : { heartbeatTimeout }),
    retry: { initialInterval: policy.retryInitialMs, maximumInterval: policy.retryMaxMs },
  });

function updateCurrentDetails(progress: ImportProgress): void {
  const { rows, doneRows, created, updated, unchanged, faulty, outcome } = progress;
  setCurrentDetails(
    [
      `**${getProgressPercent(progress)} %** · ${outcome ?? 'importing'} · ${doneRows} of ${rows} rows`,
      '',
      `${created} created · ${updated} updated · ${unchanged} unchanged · ${faulty} faulty`,
    ].join('\n'),
  );
}

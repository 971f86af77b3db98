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
 * Applies a stored file of products, chunk after chunk. Temporal's cancel is heard between two chunks: the one at hand is
 * applied, what is applied stays, and the workflow ends as cancelled.
 */
export async function importProducts(input: ImportInput): Promise<ImportResult> {
  const { importId, policy } = input;
  const cancelled = CancellationScope.current();
  const progress = await CancellationScope.nonCancellable(() =>
    applyChunks(input, () => cancelled.consideredCancelled),
  );
  if (progress === 'continue_as_new') return continueAsNew<typeof importProducts>({ importId, policy });
  if (progress.status === 'cancelled') throw new CancelledFailure('the import was cancelled');
  return progress;
}

/** @returns `continue_as_new` when the history is long enough. */
async function applyChunks(
  input: ImportInput,
  isCancelled: () => boolean,
): Promise<ImportResult | 'continue_as_new'> {
  const { importId, policy } = input;
  let progress = await importActivities(input, 'start the import').beginImport(importId);
  updateCurrentDetails(progress);
  for (let n = 0; progress.outcome === null && progress.appliedChunks < progress.chunks; n += 1) {
    if (isCancelled()) return finishImport(input, 'cancelled', null);
    if (n === policy.chunksPerRun) return 'continue_as_new';
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
 * An import that had ended before, in a run that was reset since, stays as it ended.
 * @returns `continue_as_new` when the database is behind this history: it begins anew with what is there.
 */
async function finishImport(
  input: ImportInput,
  wanted: ImportOutcome,
  failure: string | null,
): Promise<ImportResult | 'continue_as_new'> {
  const progress = await importActivities(input, `end the import: ${wanted}`).finishImport(
    input.importId,
    wanted,
    failure,
  );
  updateCurrentDetails(progress);
  const { rows, doneRows, created, updated, unchanged, faulty, outcome } = progress;
  if (outcome === null) return 'continue_as_new';
  return { status: outcome, rows, doneRows, created, updated, unchanged, faulty };
}

/**
 * Tried until it works: however long nobody can do it, the import goes on then. Only what trying again cannot mend fails it.
 * Not local activities: between two of those that follow each other no message is heard, so a cancel would wait for
 * seconds. And while the database is away the server repeats these without writing history.
 * @param heartbeatTimeout of a step that says it is alive while it works.
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

import {
  ActivityFailure,
  CancellationScope,
  CancelledFailure,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
} from '@temporalio/workflow';
import type { ImportActivities, ImportProgress } from '../../activities/product-imports';
import { type ImportEnd, percentOf } from '../../domain/catalogue/product-import';
import type { ImportInput, ImportResult } from '../messages';
import { tellableCause } from '../orders/order-desk';

/**
 * Applies a stored file of products, chunk after chunk. Temporal's cancel is heard between two chunks: the one at hand is
 * applied, what is applied stays, and the workflow ends as cancelled.
 */
export async function importProducts(input: ImportInput): Promise<ImportResult> {
  const { importId, policy } = input;
  const cancelled = CancellationScope.current();
  const progress = await CancellationScope.nonCancellable(() =>
    applyAll(input, () => cancelled.consideredCancelled),
  );
  if (progress === 'more') return continueAsNew<typeof importProducts>({ importId, policy });
  if (progress.status === 'cancelled') throw new CancelledFailure('the import was cancelled');
  return progress;
}

/** @returns `more` when the history is long enough. */
async function applyAll(input: ImportInput, isCancelled: () => boolean): Promise<ImportResult | 'more'> {
  const { importId, policy } = input;
  let progress = await step(input, 'begin the import').beginImport(importId);
  show(progress);
  for (let n = 0; progress.ended === null && progress.appliedChunks < progress.chunks; n += 1) {
    if (isCancelled()) return end(input, 'cancelled', null);
    if (n === policy.chunksPerRun) return 'more';
    const chunk = progress.appliedChunks;
    try {
      const summary = `apply chunk ${chunk + 1} of ${progress.chunks}`;
      progress = await step(input, summary, '10s').applyChunk(importId, chunk);
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      return end(input, 'failed', `Chunk ${chunk + 1} could not be applied: ${tellableCause(error)}`);
    }
    show(progress);
  }
  return end(input, 'completed', null);
}

/**
 * An import that had ended before, in a run that was reset since, stays as it ended.
 * @returns `more` when the database is behind this history: it begins anew with what is there.
 */
async function end(
  input: ImportInput,
  wanted: ImportEnd,
  failure: string | null,
): Promise<ImportResult | 'more'> {
  const progress = await step(input, `end the import: ${wanted}`).endImport(input.importId, wanted, failure);
  show(progress);
  const { rows, doneRows, created, updated, unchanged, faulty, ended } = progress;
  if (ended === null) return 'more';
  return { status: ended, rows, doneRows, created, updated, unchanged, faulty };
}

/**
 * Tried until it works: however long nobody can do it, the import goes on then. Only what trying again cannot mend fails it.
 * Not local activities: between two of those that follow each other no message is heard, so a cancel would wait for
 * seconds. And while the database is away the server repeats these without writing history.
 * @param heartbeatTimeout of a step that says it is alive while it works.
 */
const step = ({ policy }: ImportInput, summary: string, heartbeatTimeout?: '10s') =>
  proxyActivities<ImportActivities>({
    summary,
    startToCloseTimeout: policy.chunkTimeoutMs,
    ...(heartbeatTimeout === undefined ? {} : { heartbeatTimeout }),
    retry: { initialInterval: policy.retryInitialMs, maximumInterval: policy.retryMaxMs },
  });

function show(progress: ImportProgress): void {
  const { rows, doneRows, created, updated, unchanged, faulty, ended } = progress;
  setCurrentDetails(
    [
      `**${percentOf(progress)} %** · ${ended ?? 'importing'} · ${doneRows} of ${rows} rows`,
      '',
      `${created} created · ${updated} updated · ${unchanged} unchanged · ${faulty} faulty`,
    ].join('\n'),
  );
}

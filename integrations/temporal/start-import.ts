import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { DEFAULT_IMPORT_POLICY, type ImportPolicy } from '../../domain/shared/policy';
import { IMPORT_WORKFLOW, type ImportInput } from '../../workflows/catalogue/messages';

const START_TIMEOUT_MS = 5_000;

/**
 * Starts the workflow of a stored import unless it runs. A terminated import resumes; to stop an import, cancel its
 * workflow.
 */
export async function startImport(
  client: Client,
  taskQueue: string,
  importId: string,
  policy: ImportPolicy = DEFAULT_IMPORT_POLICY,
): Promise<void> {
  const input: ImportInput = { importId, policy };
  try {
    await client.withDeadline(Date.now() + START_TIMEOUT_MS, () =>
      client.workflow.start(IMPORT_WORKFLOW, {
        workflowId: importId,
        taskQueue,
        args: [input],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        staticSummary: 'product import',
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import type { Logger } from 'pino';

/** The workflows as Temporal runs them: bundled, apart from everything else. Takes a second or two. */
export const bundleWorkflows = (log: Logger): Promise<WorkflowBundleWithSourceMap> =>
  bundleWorkflowCode({
    workflowsPath: require.resolve('../workflows'),
    logger: new DefaultLogger('WARN', ({ message }) => log.warn(message)),
  });

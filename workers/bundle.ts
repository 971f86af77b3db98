import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  bundleWorkflowCode,
  DefaultLogger,
  type WorkflowBundleOption,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type { Logger } from 'pino';

/**
 * The workflows as Temporal runs them: bundled, apart from everything else, and loaded once for all of a worker, frozen.
 * Takes a second or two.
 */
export function bundleWorkflows(log: Logger): Promise<WorkflowBundleWithSourceMap> {
  const workflowsPath = require.resolve('../workflows');
  return bundleWorkflowCode({
    workflowsPath,
    preloadModules: [workflowsPath],
    logger: new DefaultLogger('WARN', ({ message }) => log.warn(message)),
  });
}

/** Where a build leaves the bundle: beside the compiled code, never beside the sources, which may be newer. */
export const BUNDLE_FILE = 'workflow-bundle.js';

/** The bundle that was built with this code, or else one made now. */
export async function loadWorkflowBundle(log: Logger): Promise<WorkflowBundleOption> {
  const codePath = resolve(__dirname, '..', BUNDLE_FILE);
  return existsSync(codePath) ? { codePath } : bundleWorkflows(log);
}

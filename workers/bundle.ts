import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  bundleWorkflowCode,
  DefaultLogger,
  type WorkflowBundleOption,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type { Logger } from 'pino';

/** Bundles the workflows; their modules are loaded once for all workflows of a worker. Takes one to two seconds. */
export function bundleWorkflows(log: Logger): Promise<WorkflowBundleWithSourceMap> {
  const workflowsPath = require.resolve('../workflows');
  return bundleWorkflowCode({
    workflowsPath,
    preloadModules: [workflowsPath],
    logger: new DefaultLogger('WARN', ({ message }) => log.warn(message)),
  });
}

/** Name of the prebuilt bundle in the build output. It is never stored beside the sources, which may be newer. */
export const BUNDLE_FILE = 'workflow-bundle.js';

/** Loads the prebuilt bundle, or bundles the sources if there is none. */
export async function loadWorkflowBundle(log: Logger): Promise<WorkflowBundleOption> {
  const codePath = resolve(__dirname, '..', BUNDLE_FILE);
  return existsSync(codePath) ? { codePath } : bundleWorkflows(log);
}

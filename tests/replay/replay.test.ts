import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { pino } from 'pino';
import { bundleWorkflows } from '../../workers/bundle';
import { installRuntime } from '../../workers/runtime';
import { fromHistoryJson, inClear } from '../harness/workflow/histories';

const silent = pino({ level: 'silent' });
installRuntime(silent);

const DIR = join(__dirname, 'histories');
const recorded = readdirSync(DIR).map((file) => ({
  name: file.replace('.json', ''),
  json: readFileSync(join(DIR, file), 'utf8'),
}));

/** The error of each history that the code of the bundle does not follow. */
async function replay(workflowBundle: WorkflowBundleWithSourceMap): Promise<Record<string, unknown>> {
  const histories = recorded.map(({ name, json }) => ({ workflowId: name, history: fromHistoryJson(json) }));
  const failed: Record<string, unknown> = {};
  const results = Worker.runReplayHistories({ workflowBundle }, histories);
  for await (const { workflowId, error } of results) if (error !== undefined) failed[workflowId] = error;
  return failed;
}

test('the stories that must not break are recorded', () => {
  expect(recorded.map(({ name }) => name).toSorted()).toEqual([
    'cancelled-after-payment',
    'cancelled-before-payment',
    'confirmed',
    'declined',
    'import-cancelled',
    'imported',
    'out-of-stock',
    'reconciled',
    'restarted-and-cancelled',
    'restarted-without-stock',
  ]);
});

test('orders that began with earlier code go on with this one', async () => {
  expect(await replay(await bundleWorkflows(silent))).toEqual({});
});

test('a change that running orders cannot follow is caught', async () => {
  const bundle = await bundleWorkflowCode({
    workflowsPath: require.resolve('./incompatible'),
    logger: new DefaultLogger('ERROR', () => undefined),
  });
  const failed = await replay(bundle);
  expect(Object.keys(failed)).toHaveLength(recorded.length);
  for (const error of Object.values(failed)) expect(error).toBeInstanceOf(DeterminismViolationError);
});

const SUBJECTS: Record<string, string> = { reconciled: 'ord_', imported: 'imp_', 'import-cancelled': 'imp_' };

test.each(recorded)('the history $name has no personal data in it', ({ name, json }) => {
  const text = inClear(json);
  expect(text).toContain(SUBJECTS[name] ?? 'walnut-desk');
  expect(text).not.toMatch(
    /[^\s@"]+@[a-z0-9-]+\.[a-z]|"(email|phone|address|firstName|lastName|line1|city)"/i,
  );
});

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
import { decodePayloads, fromHistoryJson } from '../harness/workflow/histories';

const silentLogger = pino({ level: 'silent' });
installRuntime(silentLogger);

const HISTORIES_DIR = join(__dirname, 'histories');
const recordedHistories = readdirSync(HISTORIES_DIR).map((file) => ({
  name: file.replace('.json', ''),
  json: readFileSync(join(HISTORIES_DIR, file), 'utf8'),
}));

/** The error of each history that the code of the bundle does not follow. */
async function replayHistories(
  workflowBundle: WorkflowBundleWithSourceMap,
): Promise<Record<string, unknown>> {
  const histories = recordedHistories.map(({ name, json }) => ({
    workflowId: name,
    history: fromHistoryJson(json),
  }));
  const failed: Record<string, unknown> = {};
  const results = Worker.runReplayHistories({ workflowBundle }, histories);
  for await (const { workflowId, error } of results) if (error !== undefined) failed[workflowId] = error;
  return failed;
}

test('the stories that must not break are recorded', () => {
  expect(recordedHistories.map(({ name }) => name).toSorted()).toEqual([
    'cancelled-after-payment',
    'cancelled-before-payment',
    'confirmed',
    'declined',
    'import-cancelled',
    'imported',
    'out-of-stock',
    'reconciled',
    'resumed-after-reservation-release',
    'resumed-and-cancelled',
  ]);
});

test('orders that began with earlier code go on with this one', async () => {
  expect(await replayHistories(await bundleWorkflows(silentLogger))).toEqual({});
});

test('a change that running orders cannot follow is caught', async () => {
  const bundle = await bundleWorkflowCode({
    workflowsPath: require.resolve('./incompatible'),
    logger: new DefaultLogger('ERROR', () => undefined),
  });
  const failed = await replayHistories(bundle);
  expect(Object.keys(failed)).toHaveLength(recordedHistories.length);
  for (const error of Object.values(failed)) expect(error).toBeInstanceOf(DeterminismViolationError);
});

const EXPECTED_ID_PREFIXES: Record<string, string> = {
  reconciled: 'ord_',
  imported: 'imp_',
  'import-cancelled': 'imp_',
};

test.each(recordedHistories)('the history $name has no personal data in it', ({ name, json }) => {
  const text = decodePayloads(json);
  expect(text).toContain(EXPECTED_ID_PREFIXES[name] ?? 'walnut-desk');
  expect(text).not.toMatch(
    /[^\s@"]+@[a-z0-9-]+\.[a-z]|"(email|phone|address|firstName|lastName|line1|city)"/i,
  );
});

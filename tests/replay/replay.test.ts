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

/** The errors of the histories that the bundle cannot replay, by name. */
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

test('every scenario has a recorded history', () => {
  expect(recordedHistories.map(({ name }) => name).toSorted()).toEqual([
    'cancelled-after-payment',
    'cancelled-before-payment',
    'cancelled-during-payment',
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

test('the workflow code replays all recorded histories', async () => {
  expect(await replayHistories(await bundleWorkflows(silentLogger))).toEqual({});
});

test('an incompatible change fails with a determinism violation', async () => {
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

test.each(recordedHistories)('the history $name contains no personal data', ({ name, json }) => {
  const text = decodePayloads(json);
  expect(text).toContain(EXPECTED_ID_PREFIXES[name] ?? 'walnut-desk');
  expect(text).not.toMatch(
    /[^\s@"]+@[a-z0-9-]+\.[a-z]|"(email|phone|address|firstName|lastName|line1|city)"/i,
  );
});

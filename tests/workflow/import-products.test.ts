import { ulid } from 'ulid';
import { select } from '../../db/core/sql';
import { importId } from '../../domain/shared/ids';
import { DEFAULT_IMPORT_POLICY, type ImportPolicy } from '../../domain/shared/policy';
import { startImport } from '../../integrations/temporal/import-start';
import { eventually } from '../harness/eventually';
import { storedImport } from '../harness/http/imports';
import { Lab } from '../harness/workflow/lab';

const POLICY: ImportPolicy = {
  ...DEFAULT_IMPORT_POLICY,
  retryInitialMs: 100,
  retryMaxMs: 400,
};

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

const start = (id: string, policy: Partial<ImportPolicy> = {}) =>
  startImport(lab.client, lab.queues.orders, id, { ...POLICY, ...policy });
const found = async (id: string) => {
  const stored = await lab.store.productImports.find(id);
  if (stored === null) throw new Error(`no import ${id}`);
  return stored;
};
const versions = async (prefix: string): Promise<number[]> =>
  (
    await select<{ version: number }>(
      lab.store.db,
      'SELECT version FROM products WHERE sku LIKE :prefix ORDER BY sku',
      { prefix: `${prefix}-%` },
    )
  ).map(({ version }) => version);
const newPrefix = () => ulid().toLowerCase();

test('chunks are applied one after the other, over runs that are short, and the file is forgotten', async () => {
  const prefix = newPrefix();
  const id = await storedImport(lab.store, prefix, { chunks: 7, rowsOfChunk: 3 });
  await start(id, { chunksPerRun: 2 });
  expect(await lab.handle(id).result()).toEqual({
    ...{ status: 'completed', rows: 21, doneRows: 21 },
    ...{ created: 21, updated: 0, unchanged: 0, faulty: 0 },
  });
  expect(await found(id)).toMatchObject({ status: 'completed', appliedChunks: 7, created: 21 });
  expect(await versions(prefix)).toEqual(Array(21).fill(1));

  const runs = new Set<string>();
  for await (const { runId } of lab.client.workflow.list({ query: `WorkflowId = "${id}"` })) runs.add(runId);
  await eventually('all runs listed', async () => {
    for await (const { runId } of lab.client.workflow.list({ query: `WorkflowId = "${id}"` }))
      runs.add(runId);
    return runs.size === 4;
  });
  const { events } = await lab.handle(id).fetchHistory();
  expect(events?.length).toBeLessThan(40);
  expect(await lab.currentDetails(id)).toBe(
    '**100 %** · completed · 21 of 21 rows\n\n21 created · 0 updated · 0 unchanged · 0 faulty',
  );
});

test('what is asked for twice is applied once', async () => {
  const prefix = newPrefix();
  const id = await storedImport(lab.store, prefix, { chunks: 3, rowsOfChunk: 2 });
  await Promise.all([start(id), start(id), start(id)]);
  expect(await (await lab.handle(id).describe()).staticSummary()).toBe('a file of products');
  await lab.handle(id).result();
  await start(id);
  expect(await versions(prefix)).toEqual(Array(6).fill(1));
  expect(await found(id)).toMatchObject({ created: 6, unchanged: 0 });
});

test('one that was terminated goes on where it was when it is started again', async () => {
  const prefix = newPrefix();
  const id = await storedImport(lab.store, prefix, { chunks: 60, rowsOfChunk: 2 });
  await start(id);
  await eventually('a chunk applied', async () => (await found(id)).appliedChunks > 0);
  await lab.handle(id).terminate('by hand');
  const { appliedChunks } = await found(id);
  expect(appliedChunks).toBeLessThan(60);
  await start(id);
  await lab.handle(id).result();
  expect(await found(id)).toMatchObject({ status: 'completed', created: 120, updated: 0, unchanged: 0 });
  expect(await versions(prefix)).toEqual(Array(120).fill(1));
});

test('a run that begins anew after the end changes nothing', async () => {
  const prefix = newPrefix();
  const id = await storedImport(lab.store, prefix, { chunks: 2, rowsOfChunk: 2 });
  await start(id);
  await lab.handle(id).result();
  const ended = await found(id);
  const rerun = await lab.client.workflow.start('importProducts', {
    workflowId: id,
    taskQueue: lab.queues.orders,
    args: [{ importId: id, policy: POLICY }],
  });
  expect(await rerun.result()).toMatchObject({ status: 'completed', created: 4 });
  expect(await found(id)).toEqual(ended);
  expect(await lab.story(id)).toEqual(['ProductImportReceived', 'ProductImportEnded']);
});

test('cancelled before its first chunk, it applies nothing', async () => {
  const prefix = newPrefix();
  const id = await storedImport(lab.store, prefix, { chunks: 3, rowsOfChunk: 2 });
  await lab.stopWorkers();
  await start(id);
  await lab.handle(id).cancel();
  await lab.startWorkers();
  await expect(lab.handle(id).result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect(await found(id)).toMatchObject({ status: 'cancelled', doneRows: 0, appliedChunks: 0 });
  expect(await versions(prefix)).toEqual([]);
});

test('no length of a standstill fails an import: no step has a deadline for all its tries', async () => {
  const id = await storedImport(lab.store, newPrefix(), { chunks: 2, rowsOfChunk: 1 });
  await start(id);
  await lab.handle(id).result();
  const { events } = await lab.handle(id).fetchHistory();
  const scheduled = (events ?? []).flatMap((e) => e.activityTaskScheduledEventAttributes ?? []);
  expect(
    scheduled.map(({ activityType, scheduleToCloseTimeout, heartbeatTimeout, retryPolicy }) => [
      activityType?.name,
      Number(scheduleToCloseTimeout?.seconds ?? 0),
      retryPolicy?.maximumAttempts ?? 0,
      Number(heartbeatTimeout?.seconds ?? 0),
    ]),
  ).toEqual([
    // The short ones do not heartbeat, so nobody may wait for it.
    ['beginImport', 0, 0, 0],
    ['applyChunk', 0, 0, 10],
    ['applyChunk', 0, 0, 10],
    ['endImport', 0, 0, 0],
  ]);
});

test('an import whose rows are gone fails and says why', async () => {
  const prefix = newPrefix();
  const id = await storedImport(lab.store, prefix, { chunks: 2, rowsOfChunk: 2 });
  await lab.store.db.sequelize.query(
    `DELETE FROM product_import_chunks WHERE import_id = '${id}' AND chunk = 1`,
  );
  await start(id);
  expect(await lab.handle(id).result()).toMatchObject({ status: 'failed', doneRows: 2 });
  expect(await found(id)).toMatchObject({
    status: 'failed',
    created: 2,
    failure: 'Chunk 2 could not be applied: chunk 1 is not there',
  });
});

test('an import that is not in the database fails in Temporal alone', async () => {
  const id = importId(ulid());
  await start(id);
  await expect(lab.handle(id).result()).rejects.toThrow();
});

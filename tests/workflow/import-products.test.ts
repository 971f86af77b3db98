import { ulid } from 'ulid';
import { select } from '../../db/core/sql';
import { importId } from '../../domain/shared/ids';
import { DEFAULT_IMPORT_POLICY, type ImportPolicy } from '../../domain/shared/policy';
import { startImport } from '../../integrations/temporal/start-import';
import { eventually } from '../harness/eventually';
import { createStoredImport } from '../harness/http/product-imports';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const POLICY: ImportPolicy = {
  ...DEFAULT_IMPORT_POLICY,
  retryInitialMs: 100,
  retryMaxMs: 400,
};

let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create();
});
afterAll(() => testEnv.close());

const startImportWorkflow = (id: string, policy: Partial<ImportPolicy> = {}) =>
  startImport(testEnv.client, testEnv.queues.orders, id, { ...POLICY, ...policy });
const getImport = async (id: string) => {
  const stored = await testEnv.store.productImports.find(id);
  if (stored === null) throw new Error(`no import ${id}`);
  return stored;
};
const listProductVersions = async (prefix: string): Promise<number[]> =>
  (
    await select<{ version: number }>(
      testEnv.store.db,
      'SELECT version FROM products WHERE sku LIKE :prefix ORDER BY sku',
      { prefix: `${prefix}-%` },
    )
  ).map(({ version }) => version);
const generatePrefix = () => ulid().toLowerCase();

test('applies chunks in sequence over several short runs, then deletes the rows of the file', async () => {
  const prefix = generatePrefix();
  const id = await createStoredImport(testEnv.store, prefix, { chunks: 7, rowsOfChunk: 3 });
  await startImportWorkflow(id, { chunksPerRun: 2 });
  expect(await testEnv.getHandle(id).result()).toEqual({
    ...{ status: 'completed', rows: 21, doneRows: 21 },
    ...{ created: 21, updated: 0, unchanged: 0, faulty: 0 },
  });
  expect(await getImport(id)).toMatchObject({ status: 'completed', appliedChunks: 7, created: 21 });
  expect(await listProductVersions(prefix)).toEqual(Array(21).fill(1));

  const chunks = await select(
    testEnv.store.db,
    'SELECT chunk FROM product_import_chunks WHERE import_id = :id',
    { id },
  );
  expect(chunks).toEqual([]);

  await eventually('all runs to be listed', async () => {
    const runs = new Set<string>();
    for await (const { runId } of testEnv.client.workflow.list({ query: `WorkflowId = "${id}"` }))
      runs.add(runId);
    return runs.size === 4;
  });
  const { events } = await testEnv.getHandle(id).fetchHistory();
  expect(events?.length).toBeLessThan(40);
  expect(await testEnv.getCurrentDetails(id)).toBe(
    '**100 %** · completed · 21 of 21 rows\n\n21 created · 0 updated · 0 unchanged · 0 faulty',
  );
});

test('applies an import once that is started several times', async () => {
  const prefix = generatePrefix();
  const id = await createStoredImport(testEnv.store, prefix, { chunks: 3, rowsOfChunk: 2 });
  await Promise.all([startImportWorkflow(id), startImportWorkflow(id), startImportWorkflow(id)]);
  expect(await (await testEnv.getHandle(id).describe()).staticSummary()).toBe('product import');
  await testEnv.getHandle(id).result();
  await startImportWorkflow(id);
  expect(await listProductVersions(prefix)).toEqual(Array(6).fill(1));
  expect(await getImport(id)).toMatchObject({ created: 6, unchanged: 0 });
});

test('a terminated import resumes after its last applied chunk when it is started again', async () => {
  const prefix = generatePrefix();
  const id = await createStoredImport(testEnv.store, prefix, { chunks: 60, rowsOfChunk: 2 });
  await startImportWorkflow(id);
  await eventually('a chunk to be applied', async () => (await getImport(id)).appliedChunks > 0);
  await testEnv.getHandle(id).terminate('test');
  const { appliedChunks } = await getImport(id);
  expect(appliedChunks).toBeLessThan(60);
  await startImportWorkflow(id);
  await testEnv.getHandle(id).result();
  expect(await getImport(id)).toMatchObject({ status: 'completed', created: 120, updated: 0, unchanged: 0 });
  expect(await listProductVersions(prefix)).toEqual(Array(120).fill(1));
});

test('a new run of a completed import changes nothing', async () => {
  const prefix = generatePrefix();
  const id = await createStoredImport(testEnv.store, prefix, { chunks: 2, rowsOfChunk: 2 });
  await startImportWorkflow(id);
  await testEnv.getHandle(id).result();
  const completed = await getImport(id);
  const rerun = await testEnv.client.workflow.start('importProducts', {
    workflowId: id,
    taskQueue: testEnv.queues.orders,
    args: [{ importId: id, policy: POLICY }],
  });
  expect(await rerun.result()).toMatchObject({ status: 'completed', created: 4 });
  expect(await getImport(id)).toEqual(completed);
  expect(await testEnv.listEventTypes(id)).toEqual(['ProductImportStarted', 'ProductImportFinished']);
});

test('an import cancelled before its first chunk applies nothing', async () => {
  const prefix = generatePrefix();
  const id = await createStoredImport(testEnv.store, prefix, { chunks: 3, rowsOfChunk: 2 });
  await testEnv.stopWorkers();
  await startImportWorkflow(id);
  await testEnv.getHandle(id).cancel();
  await testEnv.startWorkers();
  await expect(testEnv.getHandle(id).result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect(await getImport(id)).toMatchObject({ status: 'cancelled', doneRows: 0, appliedChunks: 0 });
  expect(await listProductVersions(prefix)).toEqual([]);
});

test('no outage fails an import, however long: no activity limits its attempts or their total time', async () => {
  const id = await createStoredImport(testEnv.store, generatePrefix(), { chunks: 2, rowsOfChunk: 1 });
  await startImportWorkflow(id);
  await testEnv.getHandle(id).result();
  const { events } = await testEnv.getHandle(id).fetchHistory();
  const scheduled = (events ?? []).flatMap((e) => e.activityTaskScheduledEventAttributes ?? []);
  expect(
    scheduled.map(({ activityType, scheduleToCloseTimeout, heartbeatTimeout, retryPolicy }) => [
      activityType?.name,
      Number(scheduleToCloseTimeout?.seconds ?? 0),
      retryPolicy?.maximumAttempts ?? 0,
      Number(heartbeatTimeout?.seconds ?? 0),
    ]),
  ).toEqual([
    // Short activities do not send heartbeats, so they have no heartbeat timeout.
    ['startImport', 0, 0, 0],
    ['applyChunk', 0, 0, 10],
    ['applyChunk', 0, 0, 10],
    ['finishImport', 0, 0, 0],
  ]);
});

test('an import with missing rows fails and stores the reason', async () => {
  const prefix = generatePrefix();
  const id = await createStoredImport(testEnv.store, prefix, { chunks: 2, rowsOfChunk: 2 });
  await testEnv.store.db.sequelize.query(
    `DELETE FROM product_import_chunks WHERE import_id = '${id}' AND chunk = 1`,
  );
  await startImportWorkflow(id);
  expect(await testEnv.getHandle(id).result()).toMatchObject({ status: 'failed', doneRows: 2 });
  expect(await getImport(id)).toMatchObject({
    status: 'failed',
    created: 2,
    failure: 'Chunk 2 could not be applied: chunk 1 is missing',
  });
});

test('an import without a row in the database fails in Temporal', async () => {
  const id = importId(ulid());
  await startImportWorkflow(id);
  await expect(testEnv.getHandle(id).result()).rejects.toThrow();
});

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../config/config';
import { createStore } from '../../db/core/store';
import { findFreePort } from '../../dev/launcher/ports';
import { buildScriptCommand } from '../../dev/launcher/supervisor';
import { getTemporalAddress, WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import { executeSql, orderFixtures } from './verification-fixtures';

interface CommandResult {
  code: number;
  stdout: string[];
  stderr: string[];
}

let testEnv: WorkflowTestEnv;
let dir: string;
let env: Record<string, string>;
let intactOrderId: string;
let tamperedOrderId: string;

beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create();
  dir = mkdtempSync(join(tmpdir(), 'verify-'));
  env = {
    PATH: process.env.PATH ?? '',
    DATA_DIR: dir,
    DATABASE_URL: testEnv.testStore.url,
    TEMPORAL_ADDRESS: getTemporalAddress(),
    TASK_QUEUE_PREFIX: testEnv.queues.orders.replace(/orders$/, ''),
    STRIPE_API_KEY: 'sk_test_workflow',
    STRIPE_API_URL: testEnv.simulator.url,
    SMTP_URL: 'smtp://127.0.0.1:1',
    AUDIT_KEY: 'ab'.repeat(32),
  };
  // The command derives the audit key from the configuration: events must be written with the same key.
  await testEnv.stopWorkers();
  testEnv.testStore.store = createStore(testEnv.testStore.db, parseConfig(env).keys.audit);
  await testEnv.startWorkers();
  intactOrderId = (await orderFixtures.confirmed(testEnv)).id;
  tamperedOrderId = (await orderFixtures.cancelledAfterPayment(testEnv)).id;
});
afterAll(async () => {
  await testEnv.close();
  rmSync(dir, { recursive: true, force: true });
});

function runVerify(args: string[] = [], changes: Record<string, string> = {}): Promise<CommandResult> {
  const { command, args: script } = buildScriptCommand('cli/verify.ts', ...args);
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');
  return new Promise((resolve) => {
    const child = execFile(command, script, { env: { ...env, ...changes } }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout: lines(stdout), stderr: lines(stderr) }),
    );
  });
}

describe('without findings', () => {
  test('prints one line and exits with 0', async () => {
    expect(await runVerify()).toEqual({
      code: 0,
      stdout: ['2 orders, 2 streams: history, log, money and stock agree'],
      stderr: [],
    });
  });

  test('--json prints one object', async () => {
    const { code, stdout } = await runVerify(['--json']);
    expect(code).toBe(0);
    expect(stdout.map((line) => JSON.parse(line) as unknown)).toEqual([
      { orders: 2, streams: 2, findings: 0, agrees: true },
    ]);
  });
});

describe('with findings', () => {
  beforeAll(() =>
    executeSql(testEnv, "UPDATE orders SET customer_id = 'cus_x' WHERE id = :id", { id: tamperedOrderId }),
  );

  test('prints check, subject and detail of each finding and exits with 1', async () => {
    const { code, stdout, stderr } = await runVerify();
    expect({ code, stderr }).toEqual({ code: 1, stderr: [] });
    expect(stdout).toEqual([
      expect.stringContaining(`projection_mismatch  ${tamperedOrderId}: customerId`),
      '2 orders, 2 streams: 1 findings',
    ]);
  });

  test('--json prints an object for each finding and a summary', async () => {
    const { code, stdout } = await runVerify(['--json']);
    expect(code).toBe(1);
    expect(stdout.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        check: 'projection_mismatch',
        subject: tamperedOrderId,
        detail: expect.stringContaining('customerId'),
      },
      { orders: 2, streams: 2, findings: 1, agrees: false },
    ]);
  });

  test('checks only the given orders', async () => {
    expect(await runVerify([intactOrderId])).toMatchObject({ code: 0 });
    expect(await runVerify([intactOrderId, tamperedOrderId, tamperedOrderId])).toMatchObject({
      code: 1,
      stdout: [expect.stringContaining(tamperedOrderId), '2 orders, 2 streams: 1 findings'],
    });
  });
});

describe('when verification is not possible, exits with 2 and', () => {
  const failure = (text: string) => ({
    code: 2,
    stdout: [],
    stderr: [expect.stringMatching(new RegExp(`^Verification is not possible: .*${text}`))],
  });

  test('names an argument that is not an order id', async () => {
    expect(await runVerify(['ord_1', '--jsn'])).toEqual(failure('ord_1, --jsn'));
  });

  test('names Temporal when it is unreachable', async () => {
    const address = `127.0.0.1:${await findFreePort()}`;
    expect(await runVerify([], { TEMPORAL_ADDRESS: address })).toEqual(failure(`Temporal.*${address}`));
  });

  test('names the payment provider when it is unreachable', async () => {
    const url = `http://127.0.0.1:${await findFreePort()}`;
    expect(await runVerify([], { STRIPE_API_URL: url })).toEqual(
      failure('Stripe: retrieve failed: unreachable'),
    );
  });

  test('names the database when it is unreachable', async () => {
    const url = `mysql://unknown@127.0.0.1:${await findFreePort()}/orders`;
    expect(await runVerify([], { DATABASE_URL: url })).toEqual(failure('database'));
  });

  test('names a data directory without a started system', async () => {
    const missingDir = join(dir, 'missing');
    expect(await runVerify([], { DATA_DIR: missingDir, AUDIT_KEY: '' })).toEqual(
      failure('run npm start first'),
    );
  });
});

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../config/config';
import { createStore } from '../../db/core/store';
import { freePort } from '../../dev/launcher/ports';
import { nodeScript } from '../../dev/launcher/supervise';
import { Lab, temporalAddress } from '../harness/workflow/lab';
import { orders, sql } from './shop';

interface Ran {
  code: number;
  stdout: string[];
  stderr: string[];
}

let lab: Lab;
let dir: string;
let env: Record<string, string>;
let good: string;
let bad: string;

beforeAll(async () => {
  lab = await Lab.open();
  dir = mkdtempSync(join(tmpdir(), 'verify-'));
  env = {
    PATH: process.env.PATH ?? '',
    DATA_DIR: dir,
    DATABASE_URL: lab.test.url,
    TEMPORAL_ADDRESS: temporalAddress(),
    TASK_QUEUE_PREFIX: lab.queues.orders.replace(/orders$/, ''),
    STRIPE_API_KEY: 'sk_test_lab',
    STRIPE_API_URL: lab.simulator.url,
    SMTP_URL: 'smtp://127.0.0.1:1',
    AUDIT_KEY: 'ab'.repeat(32),
  };
  // The command derives the key of the log; the shop has to write with the same.
  await lab.stopWorkers();
  lab.test.store = createStore(lab.test.db, parseConfig(env).keys.audit);
  await lab.startWorkers();
  good = (await orders.confirmed(lab)).id;
  bad = (await orders.cancelledAfterPayment(lab)).id;
});
afterAll(async () => {
  await lab.close();
  rmSync(dir, { recursive: true, force: true });
});

function run(args: string[] = [], changes: Record<string, string> = {}): Promise<Ran> {
  const { command, args: script } = nodeScript('cli/verify.ts', ...args);
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');
  return new Promise((settle) => {
    const child = execFile(command, script, { env: { ...env, ...changes } }, (_, stdout, stderr) =>
      settle({ code: child.exitCode ?? -1, stdout: lines(stdout), stderr: lines(stderr) }),
    );
  });
}

describe('when all agrees', () => {
  test('it says so in one line and exits with 0', async () => {
    expect(await run()).toEqual({
      code: 0,
      stdout: ['2 orders, 2 streams: history, log, money and stock agree'],
      stderr: [],
    });
  });

  test('--json prints one object', async () => {
    const { code, stdout } = await run(['--json']);
    expect(code).toBe(0);
    expect(stdout.map((line) => JSON.parse(line) as unknown)).toEqual([
      { orders: 2, streams: 2, findings: 0, agrees: true },
    ]);
  });
});

describe('when something differs', () => {
  beforeAll(() => sql(lab, "UPDATE orders SET customer_id = 'cus_x' WHERE id = :bad", { bad }));

  test('it prints what and of which order, and exits with 1', async () => {
    const { code, stdout, stderr } = await run();
    expect({ code, stderr }).toEqual({ code: 1, stderr: [] });
    expect(stdout).toEqual([
      expect.stringContaining(`projection_mismatch  ${bad}: customerId`),
      '2 orders, 2 streams: 1 findings',
    ]);
  });

  test('--json prints an object for each finding and one at the end', async () => {
    const { code, stdout } = await run(['--json']);
    expect(code).toBe(1);
    expect(stdout.map((line) => JSON.parse(line) as unknown)).toEqual([
      { check: 'projection_mismatch', subject: bad, detail: expect.stringContaining('customerId') },
      { orders: 2, streams: 2, findings: 1, agrees: false },
    ]);
  });

  test('it looks only at the orders it is given', async () => {
    expect(await run([good])).toMatchObject({ code: 0 });
    expect(await run([good, bad, bad])).toMatchObject({
      code: 1,
      stdout: [expect.stringContaining(bad), '2 orders, 2 streams: 1 findings'],
    });
  });
});

describe('when it cannot look', () => {
  const sentence = (text: string) => ({
    code: 2,
    stdout: [],
    stderr: [expect.stringMatching(new RegExp(`^It could not be verified: .*${text}`))],
  });

  test('an argument that is no order is named', async () => {
    expect(await run(['ord_1', '--jsn'])).toEqual(sentence('ord_1, --jsn'));
  });

  test('Temporal that does not answer is named', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    expect(await run([], { TEMPORAL_ADDRESS: address })).toEqual(sentence(`Temporal.*${address}`));
  });

  test('a payment provider that does not answer is named', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    expect(await run([], { STRIPE_API_URL: url })).toEqual(sentence('Stripe: retrieve failed: unreachable'));
  });

  test('a database that does not answer is named', async () => {
    const url = `mysql://nobody@127.0.0.1:${await freePort()}/orders`;
    expect(await run([], { DATABASE_URL: url })).toEqual(sentence('database'));
  });

  test('a data directory in which nothing was started is named', async () => {
    const nowhere = join(dir, 'nowhere');
    expect(await run([], { DATA_DIR: nowhere, AUDIT_KEY: '' })).toEqual(sentence('run npm start first'));
  });
});

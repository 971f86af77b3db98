import { AsyncLocalStorage } from 'node:async_hooks';
import { relative } from 'node:path';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { connect, type Database } from '../../../db/core/connect';
import { seed } from '../../../db/core/seed';
import { createStore } from '../../../db/core/store';
import { startSystem } from '../../../dev/launcher/whole-system';
import { DEFAULT_ORDER_POLICY } from '../../../domain/shared/policy';
import { type Life, runProcess } from '../../../runtime/lifecycle';
import { createPasswords } from '../../../services/auth/passwords';
import { ensureAccount } from '../../../services/auth/roles';
import { DEFAULT_DELIVERY_POLICY } from '../../../workflows/messages';
import { type FaultPoint, FaultPointSwitch, STAFF_PASSWORD } from './fault-point-switch';

/** `fault-point-system.ts <dir>`: the system as `npm start` runs it, which dies at the point that is armed in `dir`. */

/** Those that `npm start` makes would do; these are also brought up to date at the first log-in. */
const CHEAP_HASHES = { memoryCost: 64, timeCost: 1, parallelism: 1 };

const points = new FaultPointSwitch(process.argv[2] ?? '');

/** Where the statements of a transaction are sent. */
const transaction = new AsyncLocalStorage<true>();

/** The orders that an activity is at work for. */
const orders = new AsyncLocalStorage<readonly string[]>();

const reach = (point: FaultPoint): void => points.reach(point, orders.getStore() ?? []);

async function around<T>(name: string, act: () => Promise<T>): Promise<T> {
  reach(`${name} before`);
  const result = await act();
  reach(`${name} after`);
  return result;
}

const activities: ActivityInterceptorsFactory = ({ info }) => ({
  inbound: {
    execute: (input, next) => {
      const named = JSON.stringify([info.workflowExecution, input.args]).match(/ord_\w{26}/g) ?? [];
      return orders.run(named, () => around(`activity ${info.activityType}`, () => next(input)));
    },
  },
});

function database(db: Database): Database {
  const begin = <T>(act: () => Promise<T>) =>
    around(`transaction ${callSite()}`, () => transaction.run(true, act));
  return {
    ...db,
    send(sql, values, tx) {
      const [verb = ''] = /\w+/.exec(sql) ?? [];
      const seen = verb.toUpperCase() === 'SELECT' || transaction.getStore() === true;
      if (!seen) reach(`${verb} outside of Database.write before`);
      return db.send(sql, values, tx);
    },
    write: (work) => begin(() => db.write(work)),
    writeOne: (statement) => begin(() => db.writeOne(statement)),
  };
}

/** `db/events/feed.ts:84`, where the function that called this one was called. */
function callSite(): string {
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  const caller = frames.find((frame) => !frame.includes('fault-point-system'));
  const [, file, line] = /([^\s(]+):(\d+):\d+\)?$/.exec(caller ?? '') ?? [];
  if (file === undefined) throw new Error(`who began the transaction? ${frames.join('\n')}`);
  return `${relative(process.cwd(), file.replace('file://', ''))}:${line}`;
}

/** What `npm start` does before. */
async function fill({ config }: Life): Promise<void> {
  const db = database(connect({ url: config.databaseUrl }));
  await seed(db, Date.now());
  const passwords = createPasswords({ parameters: CHEAP_HASHES });
  const identity = { store: createStore(db, config.keys.audit), passwords, now: Date.now };
  for (const email of points.staff()) {
    await ensureAccount(identity, { email, password: STAFF_PASSWORD, name: null, role: 'admin' });
  }
  await db.close();
}

runProcess('orders', async (life) => {
  await fill(life);
  await startSystem(life, {
    database,
    activities: [activities],
    orderPolicy: {
      ...DEFAULT_ORDER_POLICY,
      get paymentDeadlineMs() {
        return points.paymentDeadlineMs;
      },
      paymentAttemptTimeoutMs: 3_000,
      retryInitialMs: 300,
      retryMaxMs: 400,
      attentionAfterMs: 300,
      undoRoundMs: 1_500,
    },
    deliveryPolicy: { ...DEFAULT_DELIVERY_POLICY, attemptTimeoutMs: 5_000, retryMaxMs: 1_000 },
  });
});

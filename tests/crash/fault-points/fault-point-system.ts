import { AsyncLocalStorage } from 'node:async_hooks';
import { relative } from 'node:path';
import { WorkflowClient } from '@temporalio/client';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { connect, type Database } from '../../../db/core/connect';
import { seed } from '../../../db/core/seed';
import { createStore } from '../../../db/core/store';
import { DEFAULT_ORDER_POLICY } from '../../../domain/shared/policy';
import { type ProcessContext, runProcess } from '../../../runtime/lifecycle';
import { createPasswords } from '../../../services/auth/passwords/passwords';
import { ensureAccount } from '../../../services/auth/roles';
import { startSystem } from '../../../system/start-system';
import { DEFAULT_DELIVERY_POLICY } from '../../../workflows/notifications/messages';
import { ORDER_WORKFLOW } from '../../../workflows/orders/messages';
import { type FaultPoint, FaultPointSwitch, ORDER_START, STAFF_PASSWORD } from './fault-point-switch';

/**
 * `fault-point-system.ts <dir> [--production-policy]`: the system of `npm start`, killed or paused at the point that is
 * armed in `dir`. Retries are fast, unless `--production-policy` is given.
 */

/** Outdated parameters: the first login rehashes the password, which is a separate transaction. */
const CHEAP_HASHES = { memoryCost: 64, timeCost: 1, parallelism: 1 };

const [dir = '', policyOption] = process.argv.slice(2);
const faultPoints = new FaultPointSwitch(dir);
const FAST_RETRIES =
  policyOption === '--production-policy'
    ? {}
    : {
        paymentAttemptTimeoutMs: 3_000,
        retryInitialMs: 300,
        retryMaxMs: 400,
        attentionAfterMs: 300,
        compensationRoundMs: 1_500,
      };

/** Set while the statements of a transaction are sent. */
const insideTransaction = new AsyncLocalStorage<true>();

/** The current activity and its orders. */
const activeActivity = new AsyncLocalStorage<{ name: string; orderIds: readonly string[] }>();

const reachPoint = (point: FaultPoint): Promise<void> =>
  faultPoints.reach(point, activeActivity.getStore()?.orderIds ?? []);

async function withFaultPoints<T>(name: string, work: () => Promise<T>): Promise<T> {
  await reachPoint(`${name} before`);
  const result = await work();
  await reachPoint(`${name} after`);
  return result;
}

const activityInterceptor: ActivityInterceptorsFactory = ({ info }) => ({
  inbound: {
    execute: (input, next) => {
      const orderIds = JSON.stringify([info.workflowExecution, input.args]).match(/ord_\w{26}/g) ?? [];
      return activeActivity.run({ name: info.activityType, orderIds }, () =>
        withFaultPoints(`activity ${info.activityType}`, () => next(input)),
      );
    },
  },
});

function instrumentDatabase(db: Database): Database {
  const instrument = <T>(work: () => Promise<T>) =>
    withFaultPoints(`transaction ${findCallSite()}`, () => insideTransaction.run(true, work));
  return {
    ...db,
    async send(sql, values, tx) {
      const [verb = ''] = /\w+/.exec(sql) ?? [];
      const isCovered = verb.toUpperCase() === 'SELECT' || insideTransaction.getStore() === true;
      if (!isCovered) await reachPoint(`${verb} outside of Database.write before`);
      return db.send(sql, values, tx);
    },
    write: async (work) => {
      const activity = activeActivity.getStore()?.name;
      if (activity !== undefined && activity === faultPoints.activityWithFailingWrites)
        throw new Error('the database is unavailable');
      return instrument(() => db.write(work));
    },
    writeStatement: (statement) => instrument(() => db.writeStatement(statement)),
  };
}

/** Where the transaction was started, for example `db/events/feed.ts:84`. */
function findCallSite(): string {
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  const caller = frames.find((frame) => !frame.includes('fault-point-system'));
  const [, file, line] = /([^\s(]+):(\d+):\d+\)?$/.exec(caller ?? '') ?? [];
  if (file === undefined) throw new Error(`no call site in ${frames.join('\n')}`);
  return `${relative(process.cwd(), file.replace('file://', ''))}:${line}`;
}

/** A point between the claim of the idempotency key and the order: the call that starts the order's workflow. */
function instrumentOrderStarts(): void {
  const start = WorkflowClient.prototype.start;
  WorkflowClient.prototype.start = function (this: WorkflowClient, type, options) {
    const call = () => start.call(this, type, options) as ReturnType<typeof start>;
    return type === ORDER_WORKFLOW ? withFaultPoints(ORDER_START, call) : call();
  } as typeof start;
}

/** Seeds the database and creates the admin accounts, as `npm start` does. */
async function seedDatabase({ config }: ProcessContext): Promise<void> {
  const db = instrumentDatabase(connect({ url: config.databaseUrl }));
  await seed(db, Date.now());
  const passwords = createPasswords({ parameters: CHEAP_HASHES });
  const identity = { store: createStore(db, config.keys.audit), passwords, now: Date.now };
  for (const email of faultPoints.listStaff()) {
    await ensureAccount(identity, { email, password: STAFF_PASSWORD, name: null, role: 'admin' });
  }
  await db.close();
}

runProcess('orders', async (context) => {
  await seedDatabase(context);
  instrumentOrderStarts();
  await startSystem(context, {
    wrapDatabase: instrumentDatabase,
    activityInterceptors: [activityInterceptor],
    orderPolicy: {
      ...DEFAULT_ORDER_POLICY,
      get paymentDeadlineMs() {
        return faultPoints.paymentDeadlineMs;
      },
      ...FAST_RETRIES,
    },
    deliveryPolicy: { ...DEFAULT_DELIVERY_POLICY, attemptTimeoutMs: 5_000, retryMaxMs: 1_000 },
  });
});

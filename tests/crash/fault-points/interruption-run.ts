import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../harness/eventually';
import { type CheckedOrder, InterruptedCustomer } from './interrupted-customer';
import { CANCEL_WAYS, type InterruptionCase, type Lane } from './interruption-cases';
import { ReplicatedTestEnv } from './replicated-test-env';

/** One order of a case. */
export interface OrderOutcome extends CheckedOrder {
  cancelWay: string;
  orderId: string;
  /** From the interruption until the order's final status was stored. */
  settledMs: number;
}

export interface LaneResult {
  outcomes: ReadonlyMap<string, OrderOutcome[]>;
  confirmedCount: number;
  /** Orders with money at the provider: a late call of a paused process may pay a cancelled order. */
  paidCount: number;
  /** Units of the product that each order has one of. */
  reservedCount: number;
  /** Output of `npm run verify` after all cases. */
  findings: string[];
  doublePayments: unknown[];
}

const REACH_TIMEOUT_MS = 60_000;
/** A killed process stays down until every cancellation is accepted, at most for this time. */
const DOWN_MS = 2_000;

/** Runs the cases of a lane one after the other on one system. @param report receives one line for each case. */
export async function runLane(lane: Lane, report: (line: string) => void): Promise<LaneResult> {
  const dialect = lane[0]?.dialect ?? 'sqlite';
  const testEnv = await ReplicatedTestEnv.open(dialect);
  try {
    const outcomes = new Map<string, OrderOutcome[]>();
    for (const each of lane) {
      const result = await runCase(testEnv, each);
      outcomes.set(each.name, result);
      report(formatOutcomes(each, result));
    }
    const orders = [...outcomes.values()].flat();
    const intents = await testEnv.system.listIntents();
    return {
      outcomes,
      confirmedCount: orders.filter(({ status }) => status === 'confirmed').length,
      paidCount: intents.filter((each) => each.amount_captured > each.amount_refunded).length,
      reservedCount: await testEnv.countReservedUnits(),
      findings: await testEnv.system.verify(),
      doublePayments: await testEnv.system.listDoublePayments(),
    };
  } finally {
    await testEnv.close();
  }
}

async function runCase(
  testEnv: ReplicatedTestEnv,
  { point, interruption }: InterruptionCase,
): Promise<OrderOutcome[]> {
  const { interrupted } = testEnv;
  const customers = CANCEL_WAYS.map((way) => new InterruptedCustomer(testEnv, way));
  interrupted.points.reset();
  interrupted.points.arm(point, interruption === 'kill' ? 'kill' : 'pause', customers.length);
  const placements = Promise.allSettled(customers.map((customer) => customer.placeOrder()));
  await eventually(`${point} reached`, () => !interrupted.points.isArmed, REACH_TIMEOUT_MS);
  const interruptedAtMs = performance.now();
  const cancelling = customers.map((customer) => customer.cancelOrder());
  const cancellations = Promise.allSettled(cancelling);
  const settling = Promise.allSettled(
    customers.map(async (customer, index) => {
      await cancelling[index];
      await customer.waitForFinalStatus();
      return performance.now() - interruptedAtMs;
    }),
  );
  if (interruption === 'kill') {
    await interrupted.child?.exited;
    await Promise.race([cancellations, delay(DOWN_MS)]);
    await interrupted.start();
  } else {
    await delay(1_000 * interruption);
    interrupted.resume();
  }
  const settled = await settling;
  const failures = [await placements, settled].map((results) =>
    results.map((result) => (result.status === 'rejected' ? [String(result.reason)] : [])),
  );
  return Promise.all(
    customers.map(async (customer, index) => {
      const checked = await customer.check();
      const settledMs = settled[index]?.status === 'fulfilled' ? settled[index].value : Number.NaN;
      return {
        ...checked,
        cancelWay: customer.cancelWay,
        orderId: customer.orderId,
        settledMs,
        problems: [...failures.flatMap((lists) => lists[index] ?? []), ...checked.problems],
      };
    }),
  );
}

function formatOutcomes({ name }: InterruptionCase, outcomes: readonly OrderOutcome[]): string {
  const columns = outcomes.map(({ cancelWay, orderId, status, processCount, settledMs, problems }) =>
    [
      `${cancelWay} ${status} ${(settledMs / 1_000).toFixed(1)} s ${processCount} processes`,
      ...problems.map((text) => `${orderId} ${text}`),
    ].join(', '),
  );
  return [name, ...columns].join(' | ');
}

import { execFileSync } from 'node:child_process';
import type { Dialect } from '../../harness/servers/databases';
import { Random } from '../random';
import { type FaultPoint, ORDER_START } from './fault-point-switch';
import { FAULT_POINT_OPERATIONS } from './fault-points';

/** Seconds: below and above Temporal's workflow task timeout and the heartbeat timeout of a payment, both 10 s; far above. */
const PAUSES_SECONDS = [9, 11, 25] as const;

/** A kill, or a pause of that many seconds. */
export type Interruption = 'kill' | (typeof PAUSES_SECONDS)[number];

/** How a customer cancels while the process that places the order is down or paused. */
export type CancelWay = 'none' | 'rest' | 'signal' | 'temporal';

export const CANCEL_WAYS: readonly CancelWay[] = ['none', 'rest', 'signal', 'temporal'];

/** Four orders reach the point at the same time, one for each way to cancel; then their process is interrupted. */
export interface InterruptionCase {
  name: string;
  dialect: Dialect;
  point: FaultPoint;
  interruption: Interruption;
}

/**
 * The operations of a placement, in order: a prefix of a name in `FAULT_POINT_OPERATIONS`. After `capturePayment` the
 * decision is published, but Temporal has no result of the activity.
 */
const PLACEMENT_OPERATIONS = [
  'transaction services/orders/place-order.ts:',
  ORDER_START,
  'activity createOrder',
  'transaction activities/orders.ts:',
  'activity capturePayment',
  'transaction db/payments/payment-ledger.ts:',
  'transaction activities/order-steps.ts:',
];

function findOperation(prefix: string): string {
  const operation = FAULT_POINT_OPERATIONS.find((name) => name.startsWith(prefix));
  if (operation === undefined) throw new Error(`no operation ${prefix}`);
  return operation;
}

export function listInterruptionCases(dialect: Dialect): InterruptionCase[] {
  const points = PLACEMENT_OPERATIONS.map(findOperation).flatMap((operation): FaultPoint[] => [
    `${operation} before`,
    `${operation} after`,
  ]);
  return points.flatMap((point) =>
    (['kill', ...PAUSES_SECONDS] as const).map((interruption) => {
      const action = interruption === 'kill' ? 'a kill' : `a pause of ${interruption} s`;
      return { name: `${action} at ${point} on ${dialect}`, dialect, point, interruption };
    }),
  );
}

/** A list of cases that one system runs one after the other. */
export type Lane = readonly InterruptionCase[];

/** Every interruption once on MySQL; a kill and a pause on SQLite, where no other process takes over. */
export function sampleLanes(dialects: readonly Dialect[], seed: number): Lane[] {
  const random = new Random(seed);
  return dialects.flatMap((dialect): Lane[] => {
    const pick = (interruption: Interruption) =>
      random.pick(listInterruptionCases(dialect).filter((each) => each.interruption === interruption));
    return dialect === 'mysql'
      ? [
          [pick('kill'), pick(25)],
          [pick(9), pick(11)],
        ]
      : [[pick('kill'), pick(random.pick(PAUSES_SECONDS))]];
  });
}

/** Distributes all cases whose name contains `pattern` over `count` lanes. */
export function selectLanes(dialects: readonly Dialect[], pattern: string, count: number): Lane[] {
  return dialects.flatMap((dialect) => {
    const cases = listInterruptionCases(dialect).filter(({ name }) => name.includes(pattern));
    const lanes = Array.from({ length: Math.ceil(count / dialects.length) }, (): InterruptionCase[] => []);
    for (const [index, each] of cases.entries()) lanes[index % lanes.length]?.push(each);
    return lanes.filter((lane) => lane.length > 0);
  });
}

/** Each commit runs another sample. */
export const getCommitSeed = (): number =>
  Number.parseInt(execFileSync('git', ['rev-parse', '--short=7', 'HEAD'], { encoding: 'utf8' }), 16);

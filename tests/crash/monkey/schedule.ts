import type { Dialect } from '../../harness/servers/databases';
import { type CustomerPlan, planCustomers } from './customer-plan';
import { type MonkeyStep, planMonkey } from './monkey-plan';

/** `one`: the whole system in one process, as `npm start` runs it. `many`: several of each kind, as in production. */
export type Shape = 'one' | 'many';

export interface CrashOptions {
  orders: number;
  seed: number;
  database: Dialect;
  shape: Shape;
}

export interface Schedule {
  customers: CustomerPlan[];
  monkey: MonkeyStep[];
}

/** All that is random in a run. It is drawn from the seed before the run begins, so that a seed gives the same run. */
export function makeSchedule(options: CrashOptions): Schedule {
  return { customers: planCustomers(options), monkey: planMonkey(options) };
}

import type { Dialect } from '../../harness/servers/databases';
import { type CustomerPlan, planCustomers } from './customer-plan';
import { type MonkeyStep, planMonkey } from './monkey-plan';

/** `one`: the system in one process, as in `npm start`. `many`: several processes of each kind, as in production. */
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

/** Everything random in a run, drawn from the seed before the run starts: the same options give the same schedule. */
export function makeSchedule(options: CrashOptions): Schedule {
  return { customers: planCustomers(options), monkey: planMonkey(options) };
}

import { parseArgs } from 'node:util';
import type { MonkeyKind } from './monkey/monkey-plan';
import type { RunOptions } from './run';

export const USAGE =
  'usage: npm run crash -- --orders N --seed S [--database sqlite|mysql] [--shape one|many] [--settle SECONDS] ' +
  '[--monkey kill,pause,fault] [--keep]';

const DEFAULT_SETTLE_SECONDS = '180';
const MONKEY_KINDS = ['kill', 'pause', 'fault'] as const satisfies MonkeyKind[];

/** @throws Error with a message and the usage for invalid arguments. */
export function parseOptions(args: string[]): RunOptions {
  const { orders, seed, database, shape, settle, monkey, keep } = parseFlags(args);
  if (database !== 'sqlite' && database !== 'mysql')
    throw new Error(`--database must be sqlite or mysql. ${USAGE}`);
  if (shape !== 'one' && shape !== 'many') throw new Error(`--shape must be one or many. ${USAGE}`);
  if (shape === 'many' && database === 'sqlite') {
    throw new Error('--shape many requires --database mysql: SQLite supports one process only.');
  }
  return {
    orders: parseWholeNumber('orders', orders, 1),
    seed: parseWholeNumber('seed', seed, 0),
    database,
    shape,
    monkeyKinds: parseMonkeyKinds(monkey),
    settleMs: 1_000 * parseWholeNumber('settle', settle, 1),
    keep,
  };
}

function parseFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        orders: { type: 'string' },
        seed: { type: 'string' },
        database: { type: 'string', default: 'sqlite' },
        shape: { type: 'string', default: 'one' },
        settle: { type: 'string', default: DEFAULT_SETTLE_SECONDS },
        monkey: { type: 'string', default: MONKEY_KINDS.join(',') },
        keep: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}. ${USAGE}`);
  }
}

function parseWholeNumber(name: string, value: string | undefined, min: number): number {
  if (value === undefined || !/^\d{1,9}$/.test(value) || Number(value) < min) {
    throw new Error(`--${name} must be a whole number, ${min} or more. ${USAGE}`);
  }
  return Number(value);
}

function parseMonkeyKinds(value: string): MonkeyKind[] {
  const kinds = value.split(',');
  const unknown = kinds.find((kind) => !(MONKEY_KINDS as readonly string[]).includes(kind));
  if (unknown !== undefined)
    throw new Error(`--monkey: unknown value ${unknown}, expected ${MONKEY_KINDS.join(', ')}. ${USAGE}`);
  return MONKEY_KINDS.filter((kind) => kinds.includes(kind));
}

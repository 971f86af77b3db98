import { parseArgs } from 'node:util';
import type { MonkeyKind } from './monkey/monkey-plan';
import type { RunOptions } from './run';

export const USAGE =
  'usage: npm run crash -- --orders N --seed S [--database sqlite|mysql] [--shape one|many] [--settle SECONDS] ' +
  '[--monkey kill,pause,fault] [--keep]';

const SETTLE_SECONDS = '180';
const KINDS = ['kill', 'pause', 'fault'] as const satisfies MonkeyKind[];

/** @throws Error of one or two sentences for arguments that cannot be run. */
export function readOptions(args: string[]): RunOptions {
  const { orders, seed, database, shape, settle, monkey, keep } = parse(args);
  if (database !== 'sqlite' && database !== 'mysql')
    throw new Error(`no such database: ${database}. ${USAGE}`);
  if (shape !== 'one' && shape !== 'many') throw new Error(`no such shape: ${shape}. ${USAGE}`);
  if (shape === 'many' && database === 'sqlite') {
    throw new Error('SQLite serves one process only: --shape many needs --database mysql.');
  }
  return {
    orders: whole('orders', orders, 1),
    seed: whole('seed', seed, 0),
    database,
    shape,
    does: kinds(monkey),
    settleMs: 1_000 * whole('settle', settle, 1),
    keep,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        orders: { type: 'string' },
        seed: { type: 'string' },
        database: { type: 'string', default: 'sqlite' },
        shape: { type: 'string', default: 'one' },
        settle: { type: 'string', default: SETTLE_SECONDS },
        monkey: { type: 'string', default: KINDS.join(',') },
        keep: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}. ${USAGE}`);
  }
}

function whole(name: string, value: string | undefined, least: number): number {
  if (value === undefined || !/^\d{1,9}$/.test(value) || Number(value) < least) {
    throw new Error(`--${name} must be a whole number, ${least} or more. ${USAGE}`);
  }
  return Number(value);
}

function kinds(value: string): MonkeyKind[] {
  const wanted = value.split(',');
  const unknown = wanted.find((kind) => !(KINDS as readonly string[]).includes(kind));
  if (unknown !== undefined)
    throw new Error(`--monkey knows no ${unknown}, but ${KINDS.join(', ')}. ${USAGE}`);
  return KINDS.filter((kind) => wanted.includes(kind));
}

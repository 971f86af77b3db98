import { type FaultRequest, OPERATIONS } from '../../../dev/payment-simulator/faults';
import { Random } from '../random';
import type { CrashOptions, Shape } from './schedule';

export type MonkeyAction =
  /** `kill -9` of all these at once; they stay away for `downtimeMs`. Killing the mail catcher cuts SMTP. */
  | { kind: 'kill'; parts: string[]; downtimeMs: number }
  /** SIGSTOP, and SIGCONT after `ms`. */
  | { kind: 'pause'; part: string; ms: number }
  /** Makes the payment simulator fail. */
  | { kind: 'fault'; fault: FaultRequest };

export type MonkeyKind = MonkeyAction['kind'];

/** What the monkey does when the `at`-th order is placed. */
export type MonkeyStep = MonkeyAction & { atOrder: number };

/** The processes of each shape that are the system itself. */
export const SYSTEM_PARTS: Record<Shape, readonly string[]> = {
  one: ['system'],
  many: ['api-0', 'api-1', 'workers-0', 'workers-1', 'sequencer-0', 'sequencer-1'],
};
/** Those that run workflows and activities. */
const WORKER_PARTS: Record<Shape, readonly string[]> = { one: ['system'], many: ['workers-0', 'workers-1'] };

/** Orders in one round of everything the monkey can do. */
const ORDERS_PER_ROUND = 150;
/** A process that is paused for longer than a heartbeat is taken for dead, and comes back in the middle of a payment. */
const LONG_PAUSE_MS = 12_000;
const ROUNDS_TO_LONG_PAUSE = 4;
const ROUNDS_TO_KILL_ALL = 3;
/** Longer than a call to the payment provider may take: the provider acts when nobody listens any more. */
const BEYOND_PROVIDER_TIMEOUT_MS = 11_000;

/** Each round does everything once, in an order of its own. A run shorter than a round has one. */
export function planMonkey(options: CrashOptions): MonkeyStep[] {
  const { orders, seed } = options;
  const random = new Random(~seed);
  const rounds = Math.max(1, Math.round(orders / ORDERS_PER_ROUND));
  const length = orders / rounds;
  return Array.from({ length: rounds }, (_, round) => {
    const planned = [
      planKills(options, round, random),
      planPauses(options, round, random),
      planFaults(random),
    ];
    return planned.flatMap((actions) => scheduleActions(actions, round * length, length, random));
  })
    .flat()
    .sort((a, b) => a.atOrder - b.atOrder);
}

/** At random moments that are not all close together. */
function scheduleActions(
  actions: readonly MonkeyAction[],
  from: number,
  length: number,
  random: Random,
): MonkeyStep[] {
  const share = length / actions.length;
  return random.shuffle(actions).map((action, i) => ({
    ...action,
    atOrder: Math.max(1, Math.floor(from + (i + random.next()) * share)),
  }));
}

const listServers = ({ database }: CrashOptions): string[] => [
  'temporal',
  ...(database === 'mysql' ? ['database'] : []),
];

function planKills(options: CrashOptions, round: number, random: Random): MonkeyAction[] {
  const { shape } = options;
  const servers = listServers(options);
  const system = SYSTEM_PARTS[shape];
  const all = [...system, ...servers, 'simulator', 'mail'];
  const targets = [
    ...all.map((part) => [part]),
    // What is killed most often is what does the work.
    ...WORKER_PARTS[shape].map((part) => [part]),
    random.sample(all, 2),
    [random.pick(WORKER_PARTS[shape]), 'temporal'],
    ...(servers.length > 1 ? [servers] : []),
    ...(round % ROUNDS_TO_KILL_ALL === 0 ? [[...system, ...servers]] : []),
  ];
  return targets.map((parts) => ({ kind: 'kill', parts, downtimeMs: drawDowntimeMs(parts, random) }));
}

function planPauses(options: CrashOptions, round: number, random: Random): MonkeyAction[] {
  const { shape } = options;
  const parts = [...random.sample(SYSTEM_PARTS[shape], 2), ...listServers(options), 'simulator'];
  return [
    ...parts.map((part): MonkeyAction => ({ kind: 'pause', part, ms: random.int(200, 4_000) })),
    ...(round % ROUNDS_TO_LONG_PAUSE === 0
      ? [{ kind: 'pause' as const, part: random.pick(WORKER_PARTS[shape]), ms: LONG_PAUSE_MS }]
      : []),
  ];
}

/** A mail server is away for long and nothing waits for it; all else comes back soon. */
const drawDowntimeMs = (parts: readonly string[], random: Random): number =>
  parts.includes('mail') ? random.int(1_000, 6_000) : random.int(0, 1_200);

function planFaults(random: Random): MonkeyAction[] {
  const used = OPERATIONS.filter((operation) => operation !== 'capture');
  const faults = used.flatMap((operation): FaultRequest[] => [
    { operation, mode: random.pick(['fail_before', 'rate_limit']), times: random.int(1, 4) },
    { operation, mode: 'drop_before' },
    { operation, mode: 'drop_after', times: random.int(1, 2) },
    { operation, mode: 'delay', delayMs: random.int(300, 3_000), times: random.int(1, 3) },
  ]);
  faults.push({
    operation: random.pick(['confirm', 'refund']),
    mode: 'delay',
    delayMs: BEYOND_PROVIDER_TIMEOUT_MS,
  });
  return faults.map((fault) => ({ kind: 'fault', fault }));
}

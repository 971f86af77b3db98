import { type FaultRequest, OPERATIONS } from '../../../dev/payment-simulator/faults';
import { Random } from '../random';
import type { CrashOptions, Shape } from './schedule';

export type MonkeyAction =
  /** `kill -9` of all parts at once; they restart after `downtimeMs`. Killing the mail catcher interrupts SMTP. */
  | { kind: 'kill'; parts: string[]; downtimeMs: number }
  /** SIGSTOP, then SIGCONT after `ms`. */
  | { kind: 'pause'; part: string; ms: number }
  /** Makes the payment simulator fail. */
  | { kind: 'fault'; fault: FaultRequest };

export type MonkeyKind = MonkeyAction['kind'];

/** An action that runs when the `atOrder`-th order is placed. */
export type MonkeyStep = MonkeyAction & { atOrder: number };

/** The processes of the application in each shape. */
export const SYSTEM_PARTS: Record<Shape, readonly string[]> = {
  one: ['system'],
  many: ['api-0', 'api-1', 'workers-0', 'workers-1', 'sequencer-0', 'sequencer-1'],
};
/** The processes that run workflows and activities. */
const WORKER_PARTS: Record<Shape, readonly string[]> = { one: ['system'], many: ['workers-0', 'workers-1'] };

/** Orders per round; a round contains every action. */
const ORDERS_PER_ROUND = 150;
/** Longer than the heartbeat timeout: Temporal retries the payment elsewhere while the paused process still runs it. */
const LONG_PAUSE_MS = 12_000;
const ROUNDS_TO_LONG_PAUSE = 4;
const ROUNDS_TO_KILL_ALL = 3;
/** Longer than the timeout of a provider call: the provider acts after the client has timed out. */
const BEYOND_PROVIDER_TIMEOUT_MS = 11_000;

/** Plans rounds that contain every action in random order; a run has at least one round. */
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

/** Spreads the actions over the round, each at a random point of its interval. */
function scheduleActions(
  actions: readonly MonkeyAction[],
  from: number,
  length: number,
  random: Random,
): MonkeyStep[] {
  const interval = length / actions.length;
  return random.shuffle(actions).map((action, i) => ({
    ...action,
    atOrder: Math.max(1, Math.floor(from + (i + random.next()) * interval)),
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
    // Workers are killed most often.
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

/** The mail server has long downtimes, as no order waits for it; other parts have short ones. */
const drawDowntimeMs = (parts: readonly string[], random: Random): number =>
  parts.includes('mail') ? random.int(1_000, 6_000) : random.int(0, 1_200);

function planFaults(random: Random): MonkeyAction[] {
  const operations = OPERATIONS.filter((operation) => operation !== 'capture');
  const faults = operations.flatMap((operation): FaultRequest[] => [
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

import { setMaxListeners } from 'node:events';
import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sendRequest } from '../harness/http/http-client';
import { collectEvidence } from './evidence';
import { type Counters, checkInvariants, countProblems, type Problem } from './invariants';
import {
  type ClientObservations,
  createClientObservations,
  followOrder,
  placeOrder,
  type SystemUnderTest,
} from './monkey/customers';
import { Fleet } from './monkey/fleet';
import { runMonkey } from './monkey/monkey';
import type { MonkeyKind } from './monkey/monkey-plan';
import { Progress } from './monkey/progress';
import { type CrashOptions, makeSchedule, type Schedule } from './monkey/schedule';
import { sendStockReceipt } from './monkey/stock-receipts';

export interface Report extends CrashOptions, Counters {
  /** Orders that customers were told of. */
  placed: number;
  confirmed: number;
  rejected: number;
  cancelled: number;
  /** Processes killed by the monkey. */
  kills: number;
  seconds: number;
}

export interface CrashRun {
  report: Report;
  problems: Problem[];
  /** Where the logs of all processes are. */
  dir: string;
}

export interface RunOptions extends CrashOptions {
  /** What the monkey may do; the rest of its plan is left out. */
  monkeyKinds: readonly MonkeyKind[];
  /** How long everything may take to come to its end when nothing fails any more. */
  settleMs: number;
  /** Whether the logs stay also when nothing is wrong. */
  keep: boolean;
}

/** Placements under way at the same time: a long run has more, so that a restart does not hold up too many. */
const getPlacementConcurrency = (orders: number): number =>
  Math.min(40, Math.max(12, Math.round(orders / 8)));
const PROGRESS_MS = 5_000;

/** One run: trade while the monkey is at work, let everything finish, count. @param say hears of its progress. */
export async function runCrash(options: RunOptions, say: (text: string) => void): Promise<CrashRun> {
  const startedMs = performance.now();
  const schedule = makeSchedule(options);
  const dir = mkdtempSync(join(tmpdir(), 'orders-crash-'));
  say(`logs in ${dir}`);
  writeFileSync(join(dir, 'schedule.json'), JSON.stringify(schedule, null, 1));
  const note = createRunLog(join(dir, 'run.log'));
  const fleet = await Fleet.start(dir, options, note);
  try {
    const { observations, kills, settleDeadlineMs } = await runWorkload(fleet, schedule, options, note, say);
    writeFileSync(join(dir, 'observations.json'), JSON.stringify(observations, null, 1));
    say('counting');
    const evidence = await collectEvidence(fleet, observations, settleDeadlineMs);
    const problems = checkInvariants(evidence);
    const statuses = [...evidence.orders.values()].map(({ status }) => status);
    const report = {
      ...{ orders: options.orders, seed: options.seed, database: options.database, shape: options.shape },
      placed: observations.filter(({ orderId }) => orderId !== null).length,
      confirmed: statuses.filter((status) => status === 'confirmed').length,
      rejected: statuses.filter((status) => status === 'rejected').length,
      cancelled: statuses.filter((status) => status === 'cancelled').length,
      ...countProblems(problems),
      kills,
      seconds: Math.round((performance.now() - startedMs) / 1000),
    };
    return { report, problems, dir };
  } finally {
    await fleet.stop();
  }
}

interface WorkloadResult {
  observations: ClientObservations[];
  kills: number;
  /** By `performance.now()`: when everything should have come to its end. */
  settleDeadlineMs: number;
}

async function runWorkload(
  fleet: Fleet,
  { customers, monkey }: Schedule,
  { monkeyKinds, settleMs }: RunOptions,
  note: (text: string) => void,
  say: (text: string) => void,
): Promise<WorkloadResult> {
  const closing = new AbortController();
  // Each customer listens.
  setMaxListeners(0, closing.signal);
  const shop: SystemUnderTest = {
    apiUrls: fleet.apiUrls,
    temporal: fleet.temporal,
    staffToken: fleet.token,
    stopSignal: closing.signal,
  };
  const progress = new Progress();
  const told = customers.map(createClientObservations);
  const waiting = [...told];
  const following: Promise<void>[] = [];
  let followed = 0;
  const countFollowed = () => {
    followed += 1;
  };
  const placing = Array.from({ length: getPlacementConcurrency(customers.length) }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await placeOrder(shop, next);
      progress.advance();
      following.push(followOrder(shop, next).then(countFollowed), sendStockReceipt(shop, next));
    }
  });
  const ticker = setInterval(() => {
    say(`${progress.placed} of ${told.length} orders placed, ${followed} followed to their end`);
  }, PROGRESS_MS);
  try {
    const steps = monkey.filter(({ kind }) => monkeyKinds.includes(kind));
    const kills = await runMonkey(steps, fleet, progress, note);
    note('nothing fails any more');
    await restoreSystem(fleet);
    const settledByMs = performance.now() + settleMs;
    const done = Promise.all(placing).then(() => Promise.all(following));
    await Promise.race([done, delay(settleMs, undefined, { signal: closing.signal }).catch(() => undefined)]);
    closing.abort();
    await done;
    return { observations: told, kills, settleDeadlineMs: settledByMs };
  } finally {
    closing.abort();
    clearInterval(ticker);
  }
}

async function restoreSystem(fleet: Fleet): Promise<void> {
  await fleet.waitUntilReady();
  await sendRequest(`${fleet.simulatorUrl}/_simulator/faults`, { method: 'DELETE' });
}

/** What was done and what came of it, each with its time since the run began. */
function createRunLog(file: string): (text: string) => void {
  const startedMs = performance.now();
  return (text) => appendFileSync(file, `${((performance.now() - startedMs) / 1000).toFixed(2)} ${text}\n`);
}

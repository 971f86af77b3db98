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
  /** Orders whose id a customer received. */
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
  /** Contains the logs of all processes. */
  dir: string;
}

export interface RunOptions extends CrashOptions {
  /** The planned monkey steps to run; others are skipped. */
  monkeyKinds: readonly MonkeyKind[];
  /** Limit for every order to settle after the last failure. */
  settleMs: number;
  /** Whether to retain the logs of a run without problems. */
  keep: boolean;
}

/** Concurrent placements: more in a long run, where a restart would block a larger share of them. */
const getPlacementConcurrency = (orders: number): number =>
  Math.min(40, Math.max(12, Math.round(orders / 8)));
const PROGRESS_MS = 5_000;

/**
 * Places orders while the monkey runs, waits for them to settle, then checks the invariants.
 * @param reportProgress receives status lines.
 */
export async function runCrash(
  options: RunOptions,
  reportProgress: (text: string) => void,
): Promise<CrashRun> {
  const startedMs = performance.now();
  const schedule = makeSchedule(options);
  const dir = mkdtempSync(join(tmpdir(), 'orders-crash-'));
  reportProgress(`logs in ${dir}`);
  writeFileSync(join(dir, 'schedule.json'), JSON.stringify(schedule, null, 1));
  const log = createRunLog(join(dir, 'run.log'));
  const fleet = await Fleet.start(dir, options, log);
  try {
    const { observations, kills, settleDeadlineMs } = await runWorkload(
      fleet,
      schedule,
      options,
      log,
      reportProgress,
    );
    writeFileSync(join(dir, 'observations.json'), JSON.stringify(observations, null, 1));
    reportProgress('checking invariants');
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
  /** By `performance.now()`: when every order should be settled. */
  settleDeadlineMs: number;
}

async function runWorkload(
  fleet: Fleet,
  { customers, monkey }: Schedule,
  { monkeyKinds, settleMs }: RunOptions,
  log: (text: string) => void,
  reportProgress: (text: string) => void,
): Promise<WorkloadResult> {
  const closing = new AbortController();
  // One listener per customer.
  setMaxListeners(0, closing.signal);
  const system: SystemUnderTest = {
    apiUrls: fleet.apiUrls,
    temporal: fleet.temporal,
    staffToken: fleet.token,
    stopSignal: closing.signal,
  };
  const progress = new Progress();
  const observations = customers.map(createClientObservations);
  const pending = [...observations];
  const followUps: Promise<void>[] = [];
  let completed = 0;
  const countCompleted = () => {
    completed += 1;
  };
  const placing = Array.from({ length: getPlacementConcurrency(customers.length) }, async () => {
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      await placeOrder(system, next);
      progress.advance();
      followUps.push(followOrder(system, next).then(countCompleted), sendStockReceipt(system, next));
    }
  });
  const ticker = setInterval(() => {
    reportProgress(`${progress.placed} of ${observations.length} orders placed, ${completed} completed`);
  }, PROGRESS_MS);
  try {
    const steps = monkey.filter(({ kind }) => monkeyKinds.includes(kind));
    const kills = await runMonkey(steps, fleet, progress, log);
    log('all failures are over');
    await restoreSystem(fleet);
    const settleDeadlineMs = performance.now() + settleMs;
    const done = Promise.all(placing).then(() => Promise.all(followUps));
    await Promise.race([done, delay(settleMs, undefined, { signal: closing.signal }).catch(() => undefined)]);
    closing.abort();
    await done;
    return { observations, kills, settleDeadlineMs };
  } finally {
    closing.abort();
    clearInterval(ticker);
  }
}

async function restoreSystem(fleet: Fleet): Promise<void> {
  await fleet.waitUntilReady();
  await sendRequest(`${fleet.simulatorUrl}/_simulator/faults`, { method: 'DELETE' });
}

/** Appends lines with the seconds since the start of the run. */
function createRunLog(file: string): (text: string) => void {
  const startedMs = performance.now();
  return (text) => appendFileSync(file, `${((performance.now() - startedMs) / 1000).toFixed(2)} ${text}\n`);
}

import { setMaxListeners } from 'node:events';
import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { http } from '../harness/http/http';
import { gather } from './evidence';
import { follow, newTold, place, type Shop, type Told } from './monkey/customers';
import { receive } from './monkey/deliveries';
import { Fleet } from './monkey/fleet';
import { runMonkey } from './monkey/monkey';
import type { MonkeyKind } from './monkey/monkey-plan';
import { Progress } from './monkey/progress';
import { type CrashOptions, makeSchedule, type Schedule } from './monkey/schedule';
import { type Counters, countersOf, type Problem, reckon } from './reckoning';

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
  does: readonly MonkeyKind[];
  /** How long everything may take to come to its end when nothing fails any more. */
  settleMs: number;
  /** Whether the logs stay also when nothing is wrong. */
  keep: boolean;
}

/** Placements under way at the same time: a long run has more, so that a restart does not hold up too many. */
const placers = (orders: number): number => Math.min(40, Math.max(12, Math.round(orders / 8)));
const PROGRESS_MS = 5_000;

/** One run: trade while the monkey is at work, let everything finish, count. @param say hears of its progress. */
export async function runCrash(options: RunOptions, say: (text: string) => void): Promise<CrashRun> {
  const startedMs = performance.now();
  const schedule = makeSchedule(options);
  const dir = mkdtempSync(join(tmpdir(), 'orders-crash-'));
  say(`logs in ${dir}`);
  writeFileSync(join(dir, 'schedule.json'), JSON.stringify(schedule, null, 1));
  const note = noteIn(join(dir, 'run.log'));
  const fleet = await Fleet.start(dir, options, note);
  try {
    const { told, kills, settledByMs } = await trade(fleet, schedule, options, note, say);
    writeFileSync(join(dir, 'told.json'), JSON.stringify(told, null, 1));
    say('counting');
    const evidence = await gather(fleet, told, settledByMs);
    const problems = reckon(evidence);
    const statuses = [...evidence.orders.values()].map(({ status }) => status);
    const report = {
      ...{ orders: options.orders, seed: options.seed, database: options.database, shape: options.shape },
      placed: told.filter(({ orderId }) => orderId !== null).length,
      confirmed: statuses.filter((status) => status === 'confirmed').length,
      rejected: statuses.filter((status) => status === 'rejected').length,
      cancelled: statuses.filter((status) => status === 'cancelled').length,
      ...countersOf(problems),
      kills,
      seconds: Math.round((performance.now() - startedMs) / 1000),
    };
    return { report, problems, dir };
  } finally {
    await fleet.stop();
  }
}

interface Traded {
  told: Told[];
  kills: number;
  /** By `performance.now()`: when everything should have come to its end. */
  settledByMs: number;
}

async function trade(
  fleet: Fleet,
  { customers, monkey }: Schedule,
  { does, settleMs }: RunOptions,
  note: (text: string) => void,
  say: (text: string) => void,
): Promise<Traded> {
  const closing = new AbortController();
  // Each customer listens.
  setMaxListeners(0, closing.signal);
  const shop: Shop = {
    apiUrls: fleet.apiUrls,
    temporal: fleet.temporal,
    staffToken: fleet.token,
    closing: closing.signal,
  };
  const progress = new Progress();
  const told = customers.map(newTold);
  const waiting = [...told];
  const following: Promise<void>[] = [];
  let followed = 0;
  const countFollowed = () => {
    followed += 1;
  };
  const placing = Array.from({ length: placers(customers.length) }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await place(shop, next);
      progress.advance();
      following.push(follow(shop, next).then(countFollowed), receive(shop, next));
    }
  });
  const ticker = setInterval(() => {
    say(`${progress.placed} of ${told.length} orders placed, ${followed} followed to their end`);
  }, PROGRESS_MS);
  try {
    const steps = monkey.filter(({ kind }) => does.includes(kind));
    const kills = await runMonkey(steps, fleet, progress, note);
    note('nothing fails any more');
    await heal(fleet);
    const settledByMs = performance.now() + settleMs;
    const done = Promise.all(placing).then(() => Promise.all(following));
    await Promise.race([done, delay(settleMs, undefined, { signal: closing.signal }).catch(() => undefined)]);
    closing.abort();
    await done;
    return { told, kills, settledByMs };
  } finally {
    closing.abort();
    clearInterval(ticker);
  }
}

async function heal(fleet: Fleet): Promise<void> {
  await fleet.ready();
  await http(`${fleet.simulatorUrl}/_simulator/faults`, { method: 'DELETE' });
}

/** What was done and what came of it, each with its time since the run began. */
function noteIn(file: string): (text: string) => void {
  const startedMs = performance.now();
  return (text) => appendFileSync(file, `${((performance.now() - startedMs) / 1000).toFixed(2)} ${text}\n`);
}

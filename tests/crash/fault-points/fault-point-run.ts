import { eventually } from '../../harness/eventually';
import type { Dialect } from '../../harness/servers/databases';
import { SCENARIOS, type Scenario } from './fault-point-scenarios';
import type { FaultPoint } from './fault-point-switch';
import { type Crash, FaultPointTestEnv } from './fault-point-test-env';

/** What came of one kill. */
export interface KillResult {
  /** Undefined when the system did not die. */
  crash: Crash | undefined;
  /** Why the scenario did not come to its end. */
  error: unknown;
}

export interface FaultPointRun {
  /** Every point that the scenarios reach when nothing is killed. */
  reachedPoints: ReadonlySet<FaultPoint>;
  killResults: ReadonlyMap<FaultPoint, KillResult>;
  /** Of `npm run verify`, when everything had come to its end. */
  findings: string[];
  doublePayments: unknown[];
}

/** Until the system has died at the point. */
const CRASH_TIMEOUT_MS = 60_000;
/** How long a scenario's work may go on behind its end. */
const BACKGROUND_WORK_MS = 5_000;
/** Those that were hit go on beside it, so a scenario may be spared the point that it reached when it was alone. */
const MAX_ATTEMPTS = 4;

/**
 * Plays each scenario once to see which points it reaches, then kills the system at every point in turn. A scenario that
 * was hit goes on while the next ones are played, as customers do; all of them come to their ends at last.
 */
export async function killAtEachPoint(
  points: readonly FaultPoint[],
  dialect: Dialect,
): Promise<FaultPointRun> {
  const shop = await FaultPointTestEnv.open(dialect);
  try {
    const rehearsal = await recordBaseline(shop);
    const killed = new Map<FaultPoint, KillResult>();
    const ends: Promise<unknown>[] = [];
    for (const [point, scenarios] of assignScenarios(points, rehearsal)) {
      const kill: KillResult = { crash: undefined, error: undefined };
      killed.set(point, kill);
      for (const [attempt, scenario] of scenarios.entries()) {
        const { death, end } = await killAtPoint(shop, point, scenario, attempt > 0);
        ends.push(
          end.catch((error: unknown) => {
            kill.error ??= new Error(`${scenario.name}: ${String(error)}`, { cause: error });
          }),
        );
        kill.crash = death;
        if (death !== undefined) break;
      }
    }
    await Promise.all(ends);
    return {
      reachedPoints: new Set(rehearsal.scenariosByPoint.keys()),
      killResults: killed,
      findings: await shop.system.verify(),
      doublePayments: await shop.system.listDoublePayments(),
    };
  } finally {
    await shop.close();
  }
}

interface Baseline {
  scenariosByPoint: ReadonlyMap<FaultPoint, Scenario[]>;
  /** How long a scenario takes. */
  durationsMs: ReadonlyMap<Scenario, number>;
}

/** Plays each scenario undisturbed. */
async function recordBaseline(shop: FaultPointTestEnv): Promise<Baseline> {
  const reaching = new Map<FaultPoint, Scenario[]>();
  const takesMs = new Map<Scenario, number>();
  for (const scenario of SCENARIOS) {
    await shop.waitUntilReady();
    shop.points.reset();
    const startedMs = performance.now();
    await runScenario(shop, scenario);
    takesMs.set(scenario, performance.now() - startedMs);
    for (const point of new Set(shop.points.listReached())) {
      reaching.set(point, [...(reaching.get(point) ?? []), scenario]);
    }
  }
  return { scenariosByPoint: reaching, durationsMs: takesMs };
}

const runScenario = (shop: FaultPointTestEnv, { mailServer, run }: Scenario): Promise<void> =>
  run(shop, shop.setMailServer(mailServer ?? 'accept'));

/** The scenarios to try for each point that one reaches: first those that have cost the least time by then. */
function assignScenarios(
  points: readonly FaultPoint[],
  { scenariosByPoint, durationsMs }: Baseline,
): [FaultPoint, Scenario[]][] {
  const cost = new Map(durationsMs);
  const costOf = (scenario: Scenario) => cost.get(scenario) ?? 0;
  return points.flatMap((point): [FaultPoint, Scenario[]][] => {
    const all = scenariosByPoint.get(point) ?? [];
    const candidates = all.some(({ selfRepairing }) => !selfRepairing)
      ? all.filter(({ selfRepairing }) => !selfRepairing)
      : all;
    const sorted = candidates.toSorted((a, b) => costOf(a) - costOf(b));
    const [first] = sorted;
    if (first === undefined) return [];
    cost.set(first, costOf(first) + (durationsMs.get(first) ?? 0));
    return [
      [point, Array.from({ length: MAX_ATTEMPTS }, (_, index) => sorted[index % sorted.length] ?? first)],
    ];
  });
}

/**
 * @param anew with a process that has done nothing yet: some points are reached once in the life of one.
 * @returns when the system is back, if it died at all; `end` is that of the scenario.
 */
async function killAtPoint(
  shop: FaultPointTestEnv,
  point: FaultPoint,
  scenario: Scenario,
  anew: boolean,
): Promise<{ death: Crash | undefined; end: Promise<void> }> {
  const deaths = shop.crashes.length;
  shop.points.reset();
  shop.points.arm(point);
  if (anew) await shop.restart();
  const end = runScenario(shop, scenario);
  let survivedAtMs = Number.POSITIVE_INFINITY;
  const ended = () => {
    survivedAtMs = performance.now() + BACKGROUND_WORK_MS;
  };
  end.then(ended, ended);
  await eventually(
    `dead at ${point}`,
    () => shop.crashes[deaths] ?? performance.now() > survivedAtMs,
    CRASH_TIMEOUT_MS,
  ).catch(() => undefined);
  shop.points.disarm();
  await shop.waitUntilReady();
  return { death: shop.crashes[deaths], end };
}

import { eventually } from '../../harness/eventually';
import type { Dialect } from '../../harness/servers/databases';
import { SCENARIOS, type Scenario } from './fault-point-scenarios';
import type { FaultPoint } from './fault-point-switch';
import { type Crash, FaultPointTestEnv } from './fault-point-test-env';

/** The result of one kill. */
export interface KillResult {
  /** Undefined when the system did not crash. */
  crash: Crash | undefined;
  /** The failure of the scenario. */
  error: unknown;
}

export interface FaultPointRun {
  /** Every point that the scenarios reach without a kill. */
  reachedPoints: ReadonlySet<FaultPoint>;
  killResults: ReadonlyMap<FaultPoint, KillResult>;
  /** Output of `npm run verify` after all scenarios have finished. */
  findings: string[];
  doublePayments: unknown[];
}

const CRASH_TIMEOUT_MS = 60_000;
/** Limit for background work after a scenario has finished. */
const BACKGROUND_WORK_MS = 5_000;
/** Concurrent scenarios may prevent one from reaching a point that it reached in the baseline. */
const MAX_ATTEMPTS = 4;

/**
 * Runs each scenario once to record the points it reaches, then kills the system at every point in turn. An interrupted
 * scenario continues while the next ones run; all of them must finish.
 */
export async function killAtEachPoint(
  points: readonly FaultPoint[],
  dialect: Dialect,
): Promise<FaultPointRun> {
  const testEnv = await FaultPointTestEnv.open(dialect);
  try {
    const baseline = await recordBaseline(testEnv);
    const killResults = new Map<FaultPoint, KillResult>();
    const completions: Promise<unknown>[] = [];
    for (const [point, scenarios] of assignScenarios(points, baseline)) {
      const result: KillResult = { crash: undefined, error: undefined };
      killResults.set(point, result);
      for (const [attempt, scenario] of scenarios.entries()) {
        const { crash, completion } = await killAtPoint(testEnv, point, scenario, attempt > 0);
        completions.push(
          completion.catch((error: unknown) => {
            result.error ??= new Error(`${scenario.name}: ${String(error)}`, { cause: error });
          }),
        );
        result.crash = crash;
        if (crash !== undefined) break;
      }
    }
    await Promise.all(completions);
    return {
      reachedPoints: new Set(baseline.scenariosByPoint.keys()),
      killResults,
      findings: await testEnv.system.verify(),
      doublePayments: await testEnv.system.listDoublePayments(),
    };
  } finally {
    await testEnv.close();
  }
}

interface Baseline {
  scenariosByPoint: ReadonlyMap<FaultPoint, Scenario[]>;
  durationsMs: ReadonlyMap<Scenario, number>;
}

/** Runs each scenario without a kill. */
async function recordBaseline(testEnv: FaultPointTestEnv): Promise<Baseline> {
  const scenariosByPoint = new Map<FaultPoint, Scenario[]>();
  const durationsMs = new Map<Scenario, number>();
  for (const scenario of SCENARIOS) {
    await testEnv.waitUntilReady();
    testEnv.points.reset();
    const startedMs = performance.now();
    await runScenario(testEnv, scenario);
    durationsMs.set(scenario, performance.now() - startedMs);
    for (const point of new Set(testEnv.points.listReached())) {
      scenariosByPoint.set(point, [...(scenariosByPoint.get(point) ?? []), scenario]);
    }
  }
  return { scenariosByPoint, durationsMs };
}

const runScenario = (testEnv: FaultPointTestEnv, { mailServer, run }: Scenario): Promise<void> =>
  run(testEnv, testEnv.setMailServer(mailServer ?? 'accept'));

/** The scenarios to run for each reached point, those with the least total time so far first. */
function assignScenarios(
  points: readonly FaultPoint[],
  { scenariosByPoint, durationsMs }: Baseline,
): [FaultPoint, Scenario[]][] {
  const totalsMs = new Map(durationsMs);
  const getTotalMs = (scenario: Scenario) => totalsMs.get(scenario) ?? 0;
  return points.flatMap((point): [FaultPoint, Scenario[]][] => {
    const all = scenariosByPoint.get(point) ?? [];
    const candidates = all.some(({ selfRepairing }) => !selfRepairing)
      ? all.filter(({ selfRepairing }) => !selfRepairing)
      : all;
    const sorted = candidates.toSorted((a, b) => getTotalMs(a) - getTotalMs(b));
    const [first] = sorted;
    if (first === undefined) return [];
    totalsMs.set(first, getTotalMs(first) + (durationsMs.get(first) ?? 0));
    return [
      [point, Array.from({ length: MAX_ATTEMPTS }, (_, index) => sorted[index % sorted.length] ?? first)],
    ];
  });
}

/**
 * Runs a scenario and kills the system at the point.
 * @param restart starts a new process first: some points are reached once per process.
 * @returns once the system is ready again; `completion` settles with the scenario.
 */
async function killAtPoint(
  testEnv: FaultPointTestEnv,
  point: FaultPoint,
  scenario: Scenario,
  restart: boolean,
): Promise<{ crash: Crash | undefined; completion: Promise<void> }> {
  const crashesBefore = testEnv.crashes.length;
  testEnv.points.reset();
  testEnv.points.arm(point);
  if (restart) await testEnv.restart();
  const completion = runScenario(testEnv, scenario);
  let deadlineMs = Number.POSITIVE_INFINITY;
  const setDeadline = () => {
    deadlineMs = performance.now() + BACKGROUND_WORK_MS;
  };
  completion.then(setDeadline, setDeadline);
  await eventually(
    `crash at ${point}`,
    () => testEnv.crashes[crashesBefore] ?? performance.now() > deadlineMs,
    CRASH_TIMEOUT_MS,
  ).catch(() => undefined);
  testEnv.points.disarm();
  await testEnv.waitUntilReady();
  return { crash: testEnv.crashes[crashesBefore], completion };
}

import { DIALECTS } from '../../harness/servers/databases';
import { getCommitSeed, type Lane, sampleLanes, selectLanes } from './interruption-cases';
import { type LaneResult, runLane } from './interruption-run';

jest.setTimeout(3_600_000);

/** Set INTERRUPTION_SEED to repeat a sample, or INTERRUPTIONS to run all cases whose name contains its value. */
const SEED = Number(process.env.INTERRUPTION_SEED ?? getCommitSeed());
const PATTERN = process.env.INTERRUPTIONS;
/** Systems that run at the same time, each with its own database. */
const LANES = Number(process.env.INTERRUPTION_LANES ?? 4);

const print = (line: string) => process.stderr.write(`${line}\n`);

const lanes: Lane[] =
  PATTERN === undefined ? sampleLanes(DIALECTS, SEED) : selectLanes(DIALECTS, PATTERN, LANES);
const runs = lanes.map((lane) => ({ lane, result: undefined as Promise<LaneResult> | undefined }));

beforeAll(() => {
  if (PATTERN === undefined)
    print(`a sample of interruptions: INTERRUPTION_SEED=${SEED} repeats it, INTERRUPTIONS=" " runs all`);
  for (const run of runs) {
    run.result = runLane(run.lane, print);
    run.result.catch(() => undefined);
  }
});
afterAll(async () => {
  await Promise.allSettled(runs.map(({ result }) => result));
});

describe.each(runs.map((run, index) => ({ index, ...run })))('system $index', ({ index, lane }) => {
  let result: LaneResult;
  beforeAll(async () => {
    result = (await runs[index]?.result) as LaneResult;
  });

  test.each(lane)('$name: every order is confirmed, or cancelled if its customer cancelled', ({ name }) => {
    const outcomes = result.outcomes.get(name) ?? [];
    expect(
      outcomes.flatMap(({ orderId, problems }) => problems.map((text) => `${orderId}: ${text}`)),
    ).toEqual([]);
    expect(outcomes.map(({ cancelWay, status }) => `${cancelWay} ${status}`)).toEqual([
      'none confirmed',
      'rest cancelled',
      'signal cancelled',
      'temporal cancelled',
    ]);
  });

  test('finally history, log, money and stock agree, and nothing was paid twice', () => {
    const { confirmedCount, paidCount, reservedCount } = result;
    expect({ paidCount, reservedCount }).toEqual({
      paidCount: confirmedCount,
      reservedCount: confirmedCount,
    });
    expect(result.findings).toEqual([]);
    expect(result.doublePayments).toEqual([]);
  });
});

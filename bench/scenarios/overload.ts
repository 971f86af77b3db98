import { setTimeout as delay } from 'node:timers/promises';
import { sendOpenLoop } from '../harness/http';
import { runLoad } from '../harness/load';
import { getResidentBytes } from '../harness/process-usage';
import type { Reporter } from '../harness/results';
import type { Servers } from '../harness/servers';
import { buildOrderBody } from './orders';

const DURATION_SECONDS = 20;
const OVERLOAD_FACTOR = 3;
const MEGABYTE = 1_000_000;
const RECOVERY_TIMEOUT_MS = 60_000;

/** Placements come at three times the rate that can be served, whether or not the ones before have been answered. */
export async function measureOverload(servers: Servers, report: Reporter): Promise<void> {
  const { apiUrl, countOpenOrders, countUndecidedOrders, pids } = servers;
  const place = (n: number) => sendOpenLoop(`${apiUrl}/api/orders`, buildOrderBody(n));
  const sustained = await runLoad(40, 300, place);
  const before = { memory: getResidentBytes(pids.system ?? 0), open: await countOpenOrders() };
  const answers = await runOpenLoopLoad(OVERLOAD_FACTOR * sustained.perSecond, place);
  const endedMs = performance.now();

  const [taken, shed] = [answers.of(201), answers.of(503)];
  const memory = getResidentBytes(pids.system ?? 0);
  report({
    name: `placements a second, ${OVERLOAD_FACTOR} times what can be served`,
    value: OVERLOAD_FACTOR * sustained.perSecond,
    unit: '/s',
  });
  report({
    name: 'orders confirmed under overload',
    value: taken.length / DURATION_SECONDS,
    unit: '/s',
    reference: 'as many as can be served',
    referenceValue: sustained.perSecond,
    target: { atLeast: 0.7 },
  });
  report({ name: 'told to come back', value: (100 * shed.length) / answers.all, unit: '%' });
  report({
    name: 'neither taken nor told to come back',
    value: answers.all - taken.length - shed.length,
    unit: '',
    target: { atMost: 0 },
  });
  report({
    name: 'answer to who is told to come back, 99th percentile',
    value: percentile(shed, 0.99),
    unit: 'ms',
    target: { atMost: 2_000 },
  });
  report({
    name: 'answer to who is taken, 99th percentile',
    value: percentile(taken, 0.99),
    unit: 'ms',
    target: { atMost: 20_000 },
  });
  report({
    name: 'memory gained under overload',
    value: memory === null || before.memory === null ? null : (memory - before.memory) / MEGABYTE,
    unit: 'MB',
    target: { atMost: 200 },
  });
  while ((await countUndecidedOrders()) > 0 && performance.now() - endedMs < RECOVERY_TIMEOUT_MS)
    await delay(100);
  report({
    name: 'accepted orders that did not end',
    value: taken.length - ((await countOpenOrders()) - before.open),
    unit: '',
    target: { atMost: 0 },
  });
  report({
    name: 'answer to a placement afterwards, median, 40 at once',
    value: (await runLoad(40, 200, place)).p50Ms,
    unit: 'ms',
    reference: 'before',
    referenceValue: sustained.p50Ms,
    target: { atMost: 1.5 },
  });
}

async function runOpenLoopLoad(perSecond: number, place: (n: number) => Promise<{ status: number }>) {
  const times = new Map<number, number[]>();
  const underWay: Promise<void>[] = [];
  const total = Math.round(perSecond * DURATION_SECONDS);
  const startedMs = performance.now();
  for (let n = 0; n < total; n += 1) {
    const dueMs = (n * 1_000) / perSecond;
    const earlyMs = dueMs - (performance.now() - startedMs);
    if (earlyMs > 1) await delay(earlyMs);
    const sentMs = performance.now();
    underWay.push(
      place(n).then(({ status }) => {
        times.set(status, [...(times.get(status) ?? []), performance.now() - sentMs]);
      }),
    );
  }
  await Promise.all(underWay);
  return { all: total, of: (status: number): number[] => times.get(status) ?? [] };
}

function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

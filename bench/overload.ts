import { setTimeout as delay } from 'node:timers/promises';
import { residentBytes } from './cpu';
import type { Report } from './figures';
import { sendInCrowd } from './http';
import { measure } from './load';
import { orderBody } from './orders';
import type { Servers } from './servers';

const SECONDS = 20;
const TIMES = 3;
const MEGABYTE = 1_000_000;
const RECOVERED_WITHIN_MS = 60_000;

/** Placements come at three times the rate that can be served, whether or not the ones before have been answered. */
export async function measureOverload(servers: Servers, report: Report): Promise<void> {
  const { apiUrl, openOrders, undecidedOrders, pids } = servers;
  const place = (n: number) => sendInCrowd(`${apiUrl}/api/orders`, orderBody(n));
  const sustained = await measure(40, 300, place);
  const before = { memory: residentBytes(pids.system ?? 0), open: await openOrders() };
  const answers = await arrive(TIMES * sustained.perSecond, place);
  const endedMs = performance.now();

  const [taken, shed] = [answers.of(201), answers.of(503)];
  const memory = residentBytes(pids.system ?? 0);
  report({
    what: `placements a second, ${TIMES} times what can be served`,
    ours: TIMES * sustained.perSecond,
    unit: '/s',
  });
  report({
    what: 'orders confirmed under overload',
    ours: taken.length / SECONDS,
    unit: '/s',
    reference: 'as many as can be served',
    theirs: sustained.perSecond,
    aim: { atLeast: 0.7 },
  });
  report({ what: 'told to come back', ours: (100 * shed.length) / answers.all, unit: '%' });
  report({
    what: 'neither taken nor told to come back',
    ours: answers.all - taken.length - shed.length,
    unit: '',
    aim: { atMost: 0 },
  });
  report({
    what: 'answer to who is told to come back, 99th percentile',
    ours: percentile(shed, 0.99),
    unit: 'ms',
    aim: { atMost: 2_000 },
  });
  report({
    what: 'answer to who is taken, 99th percentile',
    ours: percentile(taken, 0.99),
    unit: 'ms',
    aim: { atMost: 20_000 },
  });
  report({
    what: 'memory gained under overload',
    ours: memory === null || before.memory === null ? null : (memory - before.memory) / MEGABYTE,
    unit: 'MB',
    aim: { atMost: 200 },
  });
  while ((await undecidedOrders()) > 0 && performance.now() - endedMs < RECOVERED_WITHIN_MS) await delay(100);
  report({
    what: 'accepted orders that did not end',
    ours: taken.length - ((await openOrders()) - before.open),
    unit: '',
    aim: { atMost: 0 },
  });
  report({
    what: 'answer to a placement afterwards, median, 40 at once',
    ours: (await measure(40, 200, place)).p50Ms,
    unit: 'ms',
    reference: 'before',
    theirs: sustained.p50Ms,
    aim: { atMost: 1.5 },
  });
}

async function arrive(perSecond: number, place: (n: number) => Promise<{ status: number }>) {
  const times = new Map<number, number[]>();
  const underWay: Promise<void>[] = [];
  const total = Math.round(perSecond * SECONDS);
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

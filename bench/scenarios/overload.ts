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

/** Sends placements at three times the capacity, without waiting for earlier responses. */
export async function measureOverload(servers: Servers, report: Reporter): Promise<void> {
  const { apiUrl, countOpenOrders, countUndecidedOrders, pids } = servers;
  // The worst case for memory.
  await servers.stopMails();
  const place = (n: number) => sendOpenLoop(`${apiUrl}/api/orders`, buildOrderBody(n));
  const capacity = await runLoad(40, 300, place);
  const before = { memory: getResidentBytes(pids.system ?? 0), open: await countOpenOrders() };
  const responses = await runOpenLoopLoad(OVERLOAD_FACTOR * capacity.perSecond, place);
  const sentAllMs = performance.now();

  const [accepted, rejected] = [responses.getTimes(201), responses.getTimes(503)];
  const memory = getResidentBytes(pids.system ?? 0);
  report({
    name: `placements sent, ${OVERLOAD_FACTOR} times the capacity`,
    value: OVERLOAD_FACTOR * capacity.perSecond,
    unit: '/s',
  });
  report({
    name: 'orders confirmed under overload',
    value: accepted.length / DURATION_SECONDS,
    unit: '/s',
    reference: 'capacity',
    referenceValue: capacity.perSecond,
    target: { atLeast: 0.7 },
  });
  report({
    name: 'placements rejected with 503',
    value: (100 * rejected.length) / responses.total,
    unit: '%',
  });
  report({
    name: 'placements neither accepted nor rejected with 503',
    value: responses.total - accepted.length - rejected.length,
    unit: '',
    target: { atMost: 0 },
  });
  report({
    name: 'response to a rejected placement, 99th percentile',
    value: percentile(rejected, 0.99),
    unit: 'ms',
    target: { atMost: 2_000 },
  });
  report({
    name: 'response to an accepted placement, 99th percentile',
    value: percentile(accepted, 0.99),
    unit: 'ms',
    target: { atMost: 20_000 },
  });
  report({
    name: 'memory growth under overload',
    value: memory === null || before.memory === null ? null : (memory - before.memory) / MEGABYTE,
    unit: 'MB',
    target: { atMost: 200 },
  });
  while ((await countUndecidedOrders()) > 0 && performance.now() - sentAllMs < RECOVERY_TIMEOUT_MS)
    await delay(100);
  report({
    name: 'accepted orders that were not confirmed',
    value: accepted.length - ((await countOpenOrders()) - before.open),
    unit: '',
    target: { atMost: 0 },
  });
  report({
    name: 'response to a placement after the overload, median, 40 concurrent',
    value: (await runLoad(40, 200, place)).p50Ms,
    unit: 'ms',
    reference: 'before the overload',
    referenceValue: capacity.p50Ms,
    target: { atMost: 1.5 },
  });
}

async function runOpenLoopLoad(perSecond: number, place: (n: number) => Promise<{ status: number }>) {
  const times = new Map<number, number[]>();
  const pending: Promise<void>[] = [];
  const total = Math.round(perSecond * DURATION_SECONDS);
  const startedMs = performance.now();
  for (let n = 0; n < total; n += 1) {
    const dueMs = (n * 1_000) / perSecond;
    const earlyMs = dueMs - (performance.now() - startedMs);
    if (earlyMs > 1) await delay(earlyMs);
    const sentMs = performance.now();
    pending.push(
      place(n).then(({ status }) => {
        times.set(status, [...(times.get(status) ?? []), performance.now() - sentMs]);
      }),
    );
  }
  await Promise.all(pending);
  return { total, getTimes: (status: number): number[] => times.get(status) ?? [] };
}

function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

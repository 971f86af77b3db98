import type { Client } from '@temporalio/client';
import type { Order } from '../../domain/orders/order';
import type { OrderInput } from '../../workflows/orders/messages';
import { PlacementDecisions } from './placement-decisions';
import { type OrderStartDependencies, startAndAwaitDecision } from './start-order';

const order = {
  id: 'ord_1',
  status: 'placed',
  lines: [],
  totalMinor: 0,
  currency: 'EUR',
} as unknown as Order;
const input = { order, queues: { orders: 'orders', payments: 'orders' } } as OrderInput;
const confirmed: Order = { ...order, status: 'confirmed', updatedAtMs: 0 };
const cancelling: Order = { ...order, status: 'cancelling', updatedAtMs: 0 };

const forever = () => new Promise<never>(() => undefined);
const unavailable = () => Promise.reject(new Error('UNAVAILABLE'));

/** A client whose calls have the given results; a call without one fails the test. */
function createClient(calls: Record<string, () => Promise<unknown>>): Client {
  const call = (name: string) => calls[name] ?? (() => Promise.reject(new Error(`${name} was called`)));
  return {
    withDeadline: (_: number, work: () => unknown) => work(),
    withAbortSignal: (_: AbortSignal, work: () => unknown) => work(),
    workflow: {
      start: call('start'),
      executeUpdateWithStart: call('executeUpdateWithStart'),
      getHandle: () => ({ executeUpdate: call('executeUpdate'), describe: call('describe') }),
    },
  } as unknown as Client;
}

/** @param start result of the eager start; undefined: the process has no worker. */
function createDependencies(
  start: (() => Promise<unknown>) | undefined,
  calls: Record<string, () => Promise<unknown>> = {},
  stored: Order | null = null,
) {
  const rows = stored === null ? [] : [{ seq: 1, body: toEventBody(stored) }];
  const shutdown = new AbortController();
  const deps = {
    store: { log: { findByKeys: async () => rows } },
    temporal: createClient(calls),
    decisions: new PlacementDecisions(),
    eagerClient: () => (start === undefined ? undefined : createClient({ start })),
    shutdownSignal: shutdown.signal,
  } as unknown as OrderStartDependencies;
  return { deps, shutdown };
}

const toEventBody = ({ updatedAtMs, ...snapshot }: Order) =>
  JSON.stringify({ time: new Date(updatedAtMs).toISOString(), data: { order: snapshot } });

const FIRST = { waitMs: 5_000, isRepeated: false };
const REPEATED = { waitMs: 5_000, isRepeated: true };
const eager = async () => ({ eagerlyStarted: true });
const notEager = async () => ({ eagerlyStarted: false });

test('returns a decision that is published before the response to the start', async () => {
  const { deps } = createDependencies(forever);
  const placed = startAndAwaitDecision(deps, input, FIRST);
  deps.decisions.publish(confirmed);
  expect(await placed).toEqual(confirmed);
  expect(deps.decisions.waitingCount).toBe(0);
});

test.each([
  ['cancelled', REPEATED, cancelling],
  ['changed', REPEATED, { ...confirmed, version: 3 }],
  ['cancelled', FIRST, cancelling],
])('returns the first decision of an order that is %s after another process decided it', async (...args) => {
  const [, request, published] = args;
  const { deps } = createDependencies(forever, { executeUpdateWithStart: forever }, confirmed);
  const placed = startAndAwaitDecision(deps, input, request);
  deps.decisions.publish(published);
  expect(await placed).toEqual(confirmed);
});

test('finds a decision of another process in the log', async () => {
  const { deps } = createDependencies(eager, {}, confirmed);
  expect(await startAndAwaitDecision(deps, input, { waitMs: 60_000, isRepeated: false })).toEqual(confirmed);
}, 2_000);

test('waits with an update at once when the start was not eager', async () => {
  const { deps } = createDependencies(notEager, { executeUpdate: async () => confirmed });
  expect(await startAndAwaitDecision(deps, input, FIRST)).toEqual(confirmed);
  expect(deps.decisions.countUndecidedEagerStarts()).toBe(0);
});

test('waits with an update at once when payments have their own queue', async () => {
  const { deps } = createDependencies(eager, { executeUpdate: async () => confirmed });
  const split = { ...input, queues: { ...input.queues, payments: 'payments' } };
  expect(await startAndAwaitDecision(deps, split, { waitMs: 900, isRepeated: false })).toEqual(confirmed);
});

test('a repeated request does not start the order eagerly', async () => {
  const { deps } = createDependencies(eager, { executeUpdateWithStart: async () => confirmed });
  expect(await startAndAwaitDecision(deps, input, REPEATED)).toEqual(confirmed);
});

test('returns null, without asking the server, when a started order is not decided in time', async () => {
  const { deps } = createDependencies(eager, { describe: forever });
  expect(await startAndAwaitDecision(deps, input, { waitMs: 20, isRepeated: false })).toBeNull();
  expect(deps.decisions.waitingCount).toBe(0);
}, 1_000);

test('returns null when the process stops, and waits no more while it stops', async () => {
  const { deps, shutdown } = createDependencies(eager);
  const placed = startAndAwaitDecision(deps, input, FIRST);
  await new Promise(setImmediate);
  shutdown.abort();
  expect(await placed).toBeNull();
  expect(await startAndAwaitDecision(deps, input, FIRST)).toBeNull();
}, 1_000);

test('returns the stored decision when the calls fail', async () => {
  const { deps } = createDependencies(unavailable, {}, confirmed);
  expect(await startAndAwaitDecision(deps, input, FIRST)).toEqual(confirmed);
});

test('returns null when the response to the start is lost and the server has the order', async () => {
  const { deps } = createDependencies(unavailable, { describe: async () => ({}) });
  expect(await startAndAwaitDecision(deps, input, FIRST)).toBeNull();
});

test('returns a decision that is published while the server is asked for the order', async () => {
  const { deps } = createDependencies(unavailable, { describe: forever });
  const placed = startAndAwaitDecision(deps, input, FIRST);
  await new Promise(setImmediate);
  deps.decisions.publish(confirmed);
  expect(await placed).toEqual(confirmed);
});

test('throws service_unavailable when the order is not known to have started', async () => {
  const { deps } = createDependencies(unavailable, { describe: unavailable });
  for (const waitMs of [5_000, 0]) {
    await expect(startAndAwaitDecision(deps, input, { waitMs, isRepeated: false })).rejects.toMatchObject({
      code: 'service_unavailable',
    });
  }
  expect(deps.decisions.waitingCount).toBe(0);
  expect(deps.decisions.countUndecidedEagerStarts()).toBe(0);
});

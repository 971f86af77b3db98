import { setTimeout as delay } from 'node:timers/promises';
import type { Order } from '../../api/schemas/order';
import { urlAnswers } from '../../scripts/supervise';
import { DIALECTS, type Dialect } from '../support/databases';
import { eventually } from '../support/eventually';
import type { Answer } from '../support/http';
import { type System, startSystem } from '../support/system';
import { DECLINED, orderOf } from './orders';

const ORDERS = 100;
const CLIENTS = 6;
const KILLS = 6;
/** Starts of the system cost processor time, which all these share. */
jest.setTimeout(240_000);

const SEED = 20260731;
const SKUS = ['walnut-desk', 'oak-desk', 'limited-50'];
const BACK_TIMEOUT_MS = 60_000;
/** A payment that lost its worker is tried again after the time one attempt may take. */
const DECIDED_TIMEOUT_MS = 90_000;

/** Mulberry32: numbers in [0, 1), the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const placementsOf = (random: () => number) =>
  Array.from({ length: ORDERS }, (_, n) => {
    const sku = SKUS[Math.floor(random() * SKUS.length)] ?? 'walnut-desk';
    const method = random() < 0.1 ? { method: DECLINED } : {};
    return {
      key: { 'idempotency-key': `order-${n}`, prefer: 'wait=5' },
      body: orderOf({ [sku]: 1 + Math.floor(random() * 3) }, method),
    };
  });

type Placement = ReturnType<typeof placementsOf>[number];

/** An order's id, from an order or from the problem that tells of it. */
const idOf = ({ body }: Answer<{ id?: string; orderId?: string }>): string => body.id ?? body.orderId ?? '';

/** Sends one placement as a careful client does: again and again with its key, until it has an answer. */
async function placeStubbornly(system: System, { key, body }: Placement): Promise<string> {
  for (;;) {
    const answer = await system.place<{ id?: string; orderId?: string }>(body, key).catch(() => null);
    if (answer !== null && [201, 202, 402, 409].includes(answer.status)) return idOf(answer);
    if (answer !== null && answer.status !== 503) throw new Error(`${answer.status} ${answer.text}`);
    await eventually('the system back', () => urlAnswers(`${system.url}/readyz`), BACK_TIMEOUT_MS);
  }
}

/** Kills the system at random points of the work, again and again. */
async function killAtRandom(system: System, answered: () => number, random: () => number): Promise<void> {
  for (let kill = 0; kill < KILLS; kill += 1) {
    const at = Math.floor(((kill + random()) * ORDERS) / (KILLS + 1));
    await eventually(`${at} answers`, () => answered() >= at, BACK_TIMEOUT_MS);
    // Nothing is waited for here: this is the random moment.
    await delay(random() * 200);
    await system.restart();
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);

async function expectEverythingAgrees(system: System, answers: readonly string[]): Promise<void> {
  const listed = await system.orders();
  // One order for each key, and each that was answered is there.
  expect(listed.map((o) => o.id).toSorted()).toEqual(answers.toSorted());
  const orders: Order[] = [];
  for (const id of answers) orders.push(await system.order(id));

  expect(await system.doublePayments()).toEqual([]);
  const intents = await system.intents();
  for (const order of orders) {
    const paid = intents.filter((intent) => intent.order_id === order.id);
    const kept = sum(paid.map((intent) => intent.amount_captured - intent.amount_refunded));
    expect({ id: order.id, status: order.status, kept, payments: paid.length <= 1 }).toEqual({
      id: order.id,
      status: order.status,
      kept: order.status === 'confirmed' ? order.total.amount : 0,
      payments: true,
    });
  }
  expect(intents.every((intent) => answers.includes(intent.order_id ?? ''))).toBe(true);

  const confirmed = orders.filter((order) => order.status === 'confirmed');
  for (const sku of SKUS) {
    const units = confirmed.flatMap((o) => o.lines.filter((l) => l.sku === sku).map((l) => l.quantity));
    const { onHand, reserved } = await system.stock(sku);
    expect({ sku, reserved }).toEqual({ sku, reserved: sum(units) });
    expect(reserved).toBeLessThanOrEqual(onHand);
  }
}

test.concurrent.each(DIALECTS)(
  '%s: no order is lost, paid twice or oversold while the system is killed again and again',
  async (dialect: Dialect) => {
    const random = seeded(SEED);
    const placements = placementsOf(random);
    const system = await startSystem({ dialect });
    try {
      const answers = new Map<Placement, string>();
      const waiting = [...placements];
      const client = async () => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
          answers.set(next, await placeStubbornly(system, next));
      };

      await Promise.all([
        killAtRandom(system, () => answers.size, random),
        ...Array.from({ length: CLIENTS }, client),
      ]);
      expect(answers.size).toBe(ORDERS);
      await eventually(
        'every order decided',
        async () => (await system.orders()).every((o) => ['confirmed', 'rejected'].includes(o.status)),
        DECIDED_TIMEOUT_MS,
      );

      await expectEverythingAgrees(system, [...answers.values()]);
      for (const placement of placements.slice(0, 20)) {
        const again = await system.place<{ id?: string; orderId?: string }>(placement.body, placement.key);
        expect(idOf(again)).toBe(answers.get(placement));
        expect(again.headers['idempotent-replayed']).toBe('true');
      }
    } finally {
      await system.close();
    }
  },
);

test.concurrent.each(DIALECTS)(
  '%s: a kill in the middle of a payment and a retry with the key make one order and one payment',
  async (dialect: Dialect) => {
    const system = await startSystem({ dialect });
    try {
      const [body, key] = [orderOf(), { 'idempotency-key': 'once' }];
      await system.fault({ operation: 'confirm', mode: 'delay', delayMs: 1_000 });
      const lost = system.place(body, key).catch(() => 'lost');
      const inFlight = await eventually('a payment under way', async () => (await system.intents())[0]);

      await system.kill();
      expect(await lost).toBe('lost');
      await system.restart();
      const answer = await eventually(
        'the decision',
        async () => {
          const retry = await system.place(body, { ...key, prefer: 'wait=20' });
          return retry.status === 201 && retry;
        },
        DECIDED_TIMEOUT_MS,
      );

      expect(answer.body).toMatchObject({ id: inFlight.order_id, status: 'confirmed', payment: 'paid' });
      expect(answer.headers['idempotent-replayed']).toBe('true');
      expect(await system.orders()).toHaveLength(1);
      expect(await system.intents()).toEqual([
        expect.objectContaining({ status: 'succeeded', amount_captured: answer.body.total.amount }),
      ]);
    } finally {
      await system.close();
    }
  },
);

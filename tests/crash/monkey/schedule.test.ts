import { type FaultRequest, OPERATIONS } from '../../../dev/payment-simulator/faults';
import type { Dialect } from '../../harness/servers/databases';
import { DECLINED_CARD } from '../../system/orders/orders';
import { SYSTEM_PARTS } from './monkey-plan';
import { makeSchedule, type Shape } from './schedule';

const CASES: [Dialect, Shape][] = [
  ['sqlite', 'one'],
  ['mysql', 'one'],
  ['mysql', 'many'],
];

describe.each(CASES)('a schedule for %s, %s', (database, shape) => {
  const createSchedule = (seed: number, orders = 100) => makeSchedule({ orders, seed, database, shape });

  test('is identical for the same seed', () => {
    expect(JSON.stringify(createSchedule(7))).toBe(JSON.stringify(createSchedule(7)));
  });

  test('differs for another seed', () => {
    expect(createSchedule(7).customers).not.toEqual(createSchedule(8).customers);
    expect(createSchedule(7).monkey).not.toEqual(createSchedule(8).monkey);
  });

  test.each([1, 2, 3])(
    'kills, pauses and injects every kind of fault within 100 orders (seed %i)',
    (seed) => {
      const { monkey } = createSchedule(seed);
      const killed = monkey.flatMap((step) => (step.kind === 'kill' ? step.parts : []));
      const servers = ['temporal', ...(database === 'mysql' ? ['database'] : [])];
      expect(new Set(killed)).toEqual(new Set([...SYSTEM_PARTS[shape], ...servers, 'simulator', 'mail']));
      expect(monkey.some((step) => step.kind === 'kill' && step.parts.length > 1)).toBe(true);

      const paused = monkey.flatMap((step) => (step.kind === 'pause' ? step.part : []));
      expect(paused).toEqual(expect.arrayContaining([...servers, 'simulator']));

      const faults = monkey.flatMap((step): FaultRequest[] => (step.kind === 'fault' ? [step.fault] : []));
      for (const operation of OPERATIONS.filter((name) => name !== 'capture')) {
        const modes = faults.filter((fault) => fault.operation === operation).map(({ mode }) => mode);
        expect(modes).toEqual(expect.arrayContaining(['drop_before', 'drop_after', 'delay']));
      }
      expect(monkey.every(({ atOrder }) => atOrder >= 1 && atOrder <= 100)).toBe(true);
    },
  );

  test('kills throughout a long run', () => {
    const kills = createSchedule(1, 2_000).monkey.filter(({ kind }) => kind === 'kill');
    expect(kills.length).toBeGreaterThan(2_000 / 25);
    expect(kills.some(({ atOrder }) => atOrder < 100)).toBe(true);
    expect(kills.some(({ atOrder }) => atOrder > 1_900)).toBe(true);
  });
});

test('customers pay, are declined, run into missing stock, and cancel by every method, some by two', () => {
  const { customers } = makeSchedule({ orders: 100, seed: 1, database: 'sqlite', shape: 'one' });
  expect(new Set(customers.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(100);
  const methods = customers.map(({ body }) => body.payment.method);
  expect(methods).toEqual(expect.arrayContaining(['pm_card_visa', DECLINED_CARD]));
  expect(customers.some(({ body }) => body.items.length > 1)).toBe(true);
  expect(customers.some(({ body }) => body.items.some(({ sku }) => sku === 'gooseneck-kettle'))).toBe(true);
  const cancels = customers.flatMap(({ cancel }) => cancel ?? []);
  expect(new Set(cancels.flatMap(({ methods }) => methods))).toEqual(new Set(['rest', 'signal', 'native']));
  expect(new Set(cancels.map(({ after }) => after))).toEqual(new Set(['accepted', 'decided']));
  expect(cancels.some(({ methods }) => methods.length > 1)).toBe(true);
  const emails = customers.map(({ body }) => body.customer.email);
  expect(new Set(emails).size).toBeLessThan(100);
});

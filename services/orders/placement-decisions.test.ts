import type { Order } from '../../domain/orders/order';
import { PlacementDecisions } from './placement-decisions';

const buildOrder = (id: string) => ({ id, status: 'confirmed' }) as Order;

test('passes a decision to every request that waits for the order, and to no other', async () => {
  const decisions = new PlacementDecisions();
  const [first, second, other] = ['ord_1', 'ord_1', 'ord_2'].map((id) => decisions.subscribe(id));
  expect(decisions.waitingCount).toBe(2);

  const order = buildOrder('ord_1');
  decisions.publish(order);

  expect(await Promise.all([first?.decision, second?.decision])).toEqual([order, order]);
  expect(await Promise.race([other?.decision, Promise.resolve('pending')])).toBe('pending');
});

test('stores nothing for closed subscriptions and for decisions without one', () => {
  const decisions = new PlacementDecisions();
  decisions.publish(buildOrder('ord_1'));
  const [first, second] = [decisions.subscribe('ord_1'), decisions.subscribe('ord_1')];
  first.close();
  first.close();
  expect(decisions.waitingCount).toBe(1);
  second.close();
  expect(decisions.waitingCount).toBe(0);

  // A closed subscription does not end a later one of the same order.
  const later = decisions.subscribe('ord_1');
  first.close();
  expect(decisions.waitingCount).toBe(1);
  later.close();
});

test('counts eager starts until they are decided, refused, or returned to the backlog of the server', () => {
  let nowMs = 0;
  const decisions = new PlacementDecisions(() => nowMs);
  for (const id of ['ord_1', 'ord_2', 'ord_3']) decisions.addEagerStart(id);
  expect(decisions.countUndecidedEagerStarts()).toBe(3);
  decisions.publish(buildOrder('ord_1'));
  decisions.removeEagerStart('ord_2');
  expect(decisions.countUndecidedEagerStarts()).toBe(1);

  nowMs = 5_000;
  decisions.addEagerStart('ord_4');
  nowMs = 10_001;
  expect(decisions.countUndecidedEagerStarts()).toBe(1);
  nowMs = 15_001;
  expect(decisions.countUndecidedEagerStarts()).toBe(0);
});

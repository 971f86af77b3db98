import { parseQueues } from './queues';

test('a worker serves all queues by default', () => {
  expect(parseQueues([], 'single')).toEqual(['orders', 'payments', 'notifications']);
});

test('in the split layout, a worker serves the named queues once each', () => {
  expect(parseQueues(['--queues', 'payments,notifications,payments'], 'split')).toEqual([
    'payments',
    'notifications',
  ]);
});

test('in the single layout, a subset of the queues is rejected', () => {
  expect(() => parseQueues(['--queues', 'orders'], 'single')).toThrow('TASK_QUEUES=split');
  expect(parseQueues(['--queues', 'notifications,payments,orders'], 'single')).toHaveLength(3);
});

test.each([[['--queues', 'orders,mail']], [['--queues', '']]])(
  'an unknown queue is rejected with the list of queues: %j',
  (args) => {
    expect(() => parseQueues(args, 'split')).toThrow('the queues are orders, payments, notifications');
  },
);

test.each([[['--queue', 'orders']], [['--queues']], [['--queues', 'orders', 'payments']]])(
  'invalid arguments are rejected with the usage: %j',
  (args) => {
    expect(() => parseQueues(args, 'split')).toThrow('usage: --queues');
  },
);

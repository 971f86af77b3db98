import { parseQueues } from './queues';

test('a worker that is told nothing serves all queues', () => {
  expect(parseQueues([], 'single')).toEqual(['orders', 'payments', 'notifications']);
});

test('with a task queue each, a worker may serve any of them, each once', () => {
  expect(parseQueues(['--queues', 'payments,notifications,payments'], 'split')).toEqual([
    'payments',
    'notifications',
  ]);
});

test('where one task queue stands for all, a worker that serves only some is refused', () => {
  expect(() => parseQueues(['--queues', 'orders'], 'single')).toThrow('TASK_QUEUES=split');
  expect(parseQueues(['--queues', 'notifications,payments,orders'], 'single')).toHaveLength(3);
});

test.each([[['--queues', 'orders,mail']], [['--queues', '']]])('an unknown queue is named: %j', (args) => {
  expect(() => parseQueues(args, 'split')).toThrow('the queues are orders, payments, notifications');
});

test.each([[['--queue', 'orders']], [['--queues']], [['--queues', 'orders', 'payments']]])(
  'what is not understood is answered with the usage: %j',
  (args) => {
    expect(() => parseQueues(args, 'split')).toThrow('usage: --queues');
  },
);

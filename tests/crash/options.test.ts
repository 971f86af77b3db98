import { parseOptions } from './options';

const MINIMAL_ARGS = ['--orders', '10', '--seed', '0'];

test('requires only --orders and --seed', () => {
  expect(parseOptions(MINIMAL_ARGS)).toEqual({
    orders: 10,
    seed: 0,
    database: 'sqlite',
    shape: 'one',
    monkeyKinds: ['kill', 'pause', 'fault'],
    settleMs: 180_000,
    keep: false,
  });
});

test.each([
  [['--seed', '1'], /--orders must be a whole number/],
  [['--orders', '0', '--seed', '1'], /--orders must be a whole number, 1 or more/],
  [['--orders', '10'], /--seed must be a whole number/],
  [[...MINIMAL_ARGS, '--database', 'oracle'], /--database must be sqlite or mysql/],
  [[...MINIMAL_ARGS, '--shape', 'few'], /--shape must be one or many/],
  [
    [...MINIMAL_ARGS, '--shape', 'many'],
    /^--shape many requires --database mysql: SQLite supports one process only\.$/,
  ],
  [[...MINIMAL_ARGS, '--monkey', 'kill,bite'], /--monkey: unknown value bite/],
  [[...MINIMAL_ARGS, '--seeds', '3'], /Unknown option '--seeds'/],
])('%j is rejected with a message', (args, message) => {
  expect(() => parseOptions(args)).toThrow(message);
});

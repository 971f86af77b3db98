import { readOptions } from './options';

const SMALLEST = ['--orders', '10', '--seed', '0'];

test('orders and seed are enough', () => {
  expect(readOptions(SMALLEST)).toEqual({
    orders: 10,
    seed: 0,
    database: 'sqlite',
    shape: 'one',
    does: ['kill', 'pause', 'fault'],
    settleMs: 180_000,
    keep: false,
  });
});

test.each([
  [['--seed', '1'], /--orders must be a whole number/],
  [['--orders', '0', '--seed', '1'], /--orders must be a whole number, 1 or more/],
  [['--orders', '10'], /--seed must be a whole number/],
  [[...SMALLEST, '--database', 'oracle'], /no such database: oracle/],
  [[...SMALLEST, '--shape', 'few'], /no such shape: few/],
  [
    [...SMALLEST, '--shape', 'many'],
    /^SQLite serves one process only: --shape many needs --database mysql\.$/,
  ],
  [[...SMALLEST, '--monkey', 'kill,bite'], /--monkey knows no bite/],
  [[...SMALLEST, '--seeds', '3'], /Unknown option '--seeds'/],
])('%j is refused in a sentence', (args, why) => {
  expect(() => readOptions(args)).toThrow(why);
});

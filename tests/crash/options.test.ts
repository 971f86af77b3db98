import { parseOptions } from './options';

const MINIMAL_ARGS = ['--orders', '10', '--seed', '0'];

test('orders and seed are enough', () => {
  expect(parseOptions(MINIMAL_ARGS)).toEqual({
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
  [[...MINIMAL_ARGS, '--database', 'oracle'], /no such database: oracle/],
  [[...MINIMAL_ARGS, '--shape', 'few'], /no such shape: few/],
  [
    [...MINIMAL_ARGS, '--shape', 'many'],
    /^SQLite serves one process only: --shape many needs --database mysql\.$/,
  ],
  [[...MINIMAL_ARGS, '--monkey', 'kill,bite'], /--monkey knows no bite/],
  [[...MINIMAL_ARGS, '--seeds', '3'], /Unknown option '--seeds'/],
])('%j is refused in a sentence', (args, why) => {
  expect(() => parseOptions(args)).toThrow(why);
});

import { loadSimulatorConfig } from './simulator';

test('applies the documented defaults', () => {
  expect(loadSimulatorConfig({ SIMULATOR_PORT: '' })).toEqual({
    host: '127.0.0.1',
    port: 12111,
    journalFile: '.data/simulator.jsonl',
  });
});

test('reads the environment', () => {
  const env = { SIMULATOR_HOST: '0.0.0.0', SIMULATOR_PORT: '0', DATA_DIR: '/var/lib/shop' };
  expect(loadSimulatorConfig(env)).toEqual({
    host: '0.0.0.0',
    port: 0,
    journalFile: '/var/lib/shop/simulator.jsonl',
  });
});

test.each(['http', '-1', '65536', '1e3'])('rejects SIMULATOR_PORT=%s by name', (port) => {
  expect(() => loadSimulatorConfig({ SIMULATOR_PORT: port })).toThrow('SIMULATOR_PORT');
});

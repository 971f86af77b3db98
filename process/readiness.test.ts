import { createReadiness } from './readiness';

const running = new AbortController().signal;
const there = async () => null;

test('a process that has all it needs is ready', async () => {
  const readiness = createReadiness({ database: there, temporal: there }, running);
  expect(await readiness()).toEqual({
    status: 'ready',
    checks: { database: true, temporal: true },
    missing: [],
  });
});

test('what is missing is named, also when asking for it fails', async () => {
  const readiness = createReadiness(
    {
      database: async () => 'migrations pending: 003-carts',
      temporal: async () => Promise.reject(new Error('connection refused')),
      workers: there,
    },
    running,
  );
  expect(await readiness()).toEqual({
    status: 'not_ready',
    checks: { database: false, temporal: false, workers: true },
    missing: ['migrations pending: 003-carts', 'temporal'],
  });
});

test('one that does not answer in time is missing', async () => {
  jest.useFakeTimers();
  try {
    const readiness = createReadiness({ database: () => new Promise(() => undefined) }, running);
    const found = readiness();
    await jest.advanceTimersByTimeAsync(3_000);
    expect(await found).toMatchObject({ status: 'not_ready', missing: ['database'] });
  } finally {
    jest.useRealTimers();
  }
});

test('a process that is told to stop is not ready, though all is there', async () => {
  const stopping = new AbortController();
  const readiness = createReadiness({ database: there }, stopping.signal);
  stopping.abort();
  expect(await readiness()).toEqual({
    status: 'not_ready',
    checks: { database: true },
    missing: ['the process is stopping'],
  });
});

import { createReadiness } from './readiness';

const running = new AbortController().signal;
const available = async () => null;

test('is ready when all dependencies are available', async () => {
  const readiness = createReadiness({ database: available, temporal: available }, running);
  expect(await readiness()).toEqual({
    status: 'ready',
    checks: { database: true, temporal: true },
    missing: [],
  });
});

test('names missing dependencies, also when their probe fails', async () => {
  const readiness = createReadiness(
    {
      database: async () => 'migrations pending: 003-carts',
      temporal: async () => Promise.reject(new Error('connection refused')),
      workers: available,
    },
    running,
  );
  expect(await readiness()).toEqual({
    status: 'not_ready',
    checks: { database: false, temporal: false, workers: true },
    missing: ['migrations pending: 003-carts', 'temporal'],
  });
});

test('reports a dependency whose probe times out as missing', async () => {
  jest.useFakeTimers();
  try {
    const readiness = createReadiness({ database: () => new Promise(() => undefined) }, running);
    const result = readiness();
    await jest.advanceTimersByTimeAsync(3_000);
    expect(await result).toMatchObject({ status: 'not_ready', missing: ['database'] });
  } finally {
    jest.useRealTimers();
  }
});

test('runs the probes at most once a second and then reports their new results', async () => {
  jest.useFakeTimers();
  try {
    let probes = 0;
    let missing: string | null = null;
    const database = async () => {
      probes += 1;
      return missing;
    };
    const readiness = createReadiness({ database }, running);
    const checkReadiness = (times: number) => Promise.all(Array.from({ length: times }, readiness));
    const statuses = (await checkReadiness(100)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set(['ready']));
    missing = 'database';
    await jest.advanceTimersByTimeAsync(999);
    await checkReadiness(100);
    expect(probes).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    expect((await checkReadiness(100)).every(({ status }) => status === 'not_ready')).toBe(true);
    expect(probes).toBe(2);
  } finally {
    jest.useRealTimers();
  }
});

test('is not ready while stopping, although all dependencies are available', async () => {
  const stopping = new AbortController();
  const readiness = createReadiness({ database: available }, stopping.signal);
  expect((await readiness()).status).toBe('ready');
  // Probe results are cached, the stop signal is not.
  stopping.abort();
  expect(await readiness()).toEqual({
    status: 'not_ready',
    checks: { database: true },
    missing: ['the process is stopping'],
  });
});

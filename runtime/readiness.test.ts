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

test('however many ask, everything is looked at once a second, and what is new is told then', async () => {
  jest.useFakeTimers();
  try {
    let looks = 0;
    let missing: string | null = null;
    const database = async () => {
      looks += 1;
      return missing;
    };
    const readiness = createReadiness({ database }, running);
    const ask = (times: number) => Promise.all(Array.from({ length: times }, readiness));
    const statuses = (await ask(100)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set(['ready']));
    missing = 'database';
    await jest.advanceTimersByTimeAsync(999);
    await ask(100);
    expect(looks).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    expect((await ask(100)).every(({ status }) => status === 'not_ready')).toBe(true);
    expect(looks).toBe(2);
  } finally {
    jest.useRealTimers();
  }
});

test('a process that is told to stop is not ready, though all is there', async () => {
  const stopping = new AbortController();
  const readiness = createReadiness({ database: there }, stopping.signal);
  expect((await readiness()).status).toBe('ready');
  // What was found a moment ago is kept; this is not.
  stopping.abort();
  expect(await readiness()).toEqual({
    status: 'not_ready',
    checks: { database: true },
    missing: ['the process is stopping'],
  });
});

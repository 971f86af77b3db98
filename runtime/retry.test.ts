import { pino } from 'pino';
import { retryUntilReady } from './retry';

const log = pino({ level: 'silent' });

test('retries until the attempt succeeds', async () => {
  const { signal: stopping } = new AbortController();
  const attempt = jest
    .fn<Promise<string>, []>()
    .mockRejectedValueOnce(new Error('unavailable'))
    .mockRejectedValueOnce(new Error('unavailable'))
    .mockResolvedValue('connected');
  expect(await retryUntilReady('Temporal', { log, stopSignal: stopping }, attempt)).toBe('connected');
  expect(attempt).toHaveBeenCalledTimes(3);
});

test('stops retrying when the process stops', async () => {
  const stopping = new AbortController();
  const attempt = jest.fn(async () => {
    stopping.abort();
    throw new Error('unavailable');
  });
  await expect(
    retryUntilReady('Temporal', { log, stopSignal: stopping.signal }, attempt),
  ).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect(attempt).toHaveBeenCalledTimes(1);
});

import { pino } from 'pino';
import { retryUntilReady } from './retry';

const log = pino({ level: 'silent' });

test('it is tried until it works', async () => {
  const { signal: stopping } = new AbortController();
  const attempt = jest
    .fn<Promise<string>, []>()
    .mockRejectedValueOnce(new Error('away'))
    .mockRejectedValueOnce(new Error('away'))
    .mockResolvedValue('there');
  expect(await retryUntilReady('Temporal', { log, stopSignal: stopping }, attempt)).toBe('there');
  expect(attempt).toHaveBeenCalledTimes(3);
});

test('told to stop, it gives up at once', async () => {
  const stopping = new AbortController();
  const attempt = jest.fn(async () => {
    stopping.abort();
    throw new Error('away');
  });
  await expect(
    retryUntilReady('Temporal', { log, stopSignal: stopping.signal }, attempt),
  ).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect(attempt).toHaveBeenCalledTimes(1);
});

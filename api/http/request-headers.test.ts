import { parsePrefer } from './request-headers';

test.each([
  [undefined, undefined],
  ['', undefined],
  ['wait=5', 5_000],
  ['respond-async', 0],
  ['respond-async, wait=3', 3_000],
  ['WAIT = "7"', 7_000],
  ['wait=0', 0],
])('%j waits %j ms', (header, waitMs) => {
  expect(parsePrefer(header).waitMs).toBe(waitMs);
});

test('limits the wait to a minute', () => {
  expect(parsePrefer('wait=86400')).toEqual({ waitMs: 60_000, applied: 'wait=60' });
});

test.each(['wait=-1', 'wait=1.5', 'wait=', 'wait=1e3', 'handling=strict'])('ignores %j', (header) => {
  expect(parsePrefer(header)).toEqual({ waitMs: undefined, applied: undefined });
});

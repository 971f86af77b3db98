import { deriveFulfilmentStatus, type FulfilmentEntry } from './fulfilment';
import type { FulfilmentStatus } from './order';

const LINES = [{ quantity: 2 }, { quantity: 1 }];
const entry = (kind: FulfilmentEntry['kind'], line: number, quantity: number): FulfilmentEntry => ({
  line,
  kind,
  quantity,
});
const all = (kind: FulfilmentEntry['kind']) => [entry(kind, 1, 2), entry(kind, 2, 1)];

test.each<[FulfilmentStatus, FulfilmentEntry[]]>([
  ['unfulfilled', []],
  ['partially_shipped', [entry('shipped', 1, 2)]],
  ['partially_shipped', [entry('shipped', 1, 1), entry('shipped', 1, 1)]],
  ['shipped', all('shipped')],
  ['partially_delivered', [...all('shipped'), entry('delivered', 2, 1)]],
  ['partially_delivered', [entry('shipped', 2, 1), entry('delivered', 2, 1)]],
  ['delivered', [...all('shipped'), ...all('delivered')]],
  ['partially_returned', [...all('shipped'), ...all('delivered'), entry('returned', 1, 1)]],
  ['returned', [...all('shipped'), ...all('delivered'), ...all('returned')]],
])('is %s after %j', (status, entries) => {
  expect(deriveFulfilmentStatus(LINES, entries)).toBe(status);
});

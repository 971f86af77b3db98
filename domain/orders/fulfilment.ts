import type { FulfilmentStatus, OrderLine } from './order';

/** Units of an order line that were shipped, delivered or returned. Entries are never changed or removed. */
export interface FulfilmentEntry {
  line: number;
  kind: 'shipped' | 'delivered' | 'returned';
  quantity: number;
}

/** Derives the `fulfilment` status of an order from its lines and all its fulfilment entries. */
export function deriveFulfilmentStatus(
  lines: readonly Pick<OrderLine, 'quantity'>[],
  entries: readonly FulfilmentEntry[],
): FulfilmentStatus {
  const ordered = lines.reduce((total, line) => total + line.quantity, 0);
  const sum = (kind: FulfilmentEntry['kind']) =>
    entries.filter((e) => e.kind === kind).reduce((total, e) => total + e.quantity, 0);
  const [shipped, delivered, returned] = [sum('shipped'), sum('delivered'), sum('returned')];
  if (returned > 0) return returned < ordered ? 'partially_returned' : 'returned';
  if (delivered > 0) return delivered < ordered ? 'partially_delivered' : 'delivered';
  if (shipped > 0) return shipped < ordered ? 'partially_shipped' : 'shipped';
  return 'unfulfilled';
}

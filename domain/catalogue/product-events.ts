import type { Actor } from '../orders/order';
import type { DomainEvent } from '../shared/events';
import { eventKey, productId } from '../shared/ids';
import { getChangedFields, type ProductChange, toProductData } from './product';

/** Builds the single event of a product version, whether staff, an API key or an import changed it. */
export function productChanged({ before, after }: ProductChange, actor: Actor): DomainEvent {
  const stream = productId(after.sku);
  const { sku, version } = after;
  const event = {
    key: eventKey(stream, `v${version}`),
    stream,
    subject: stream,
    actor,
    atMs: after.updatedAtMs,
  };
  if (before === null) {
    return { ...event, type: 'ProductCreated', data: { version, product: toProductData(after) } };
  }
  const price =
    before.unitPriceMinor === after.unitPriceMinor
      ? {}
      : { oldUnitPriceMinor: before.unitPriceMinor, newUnitPriceMinor: after.unitPriceMinor };
  return {
    ...event,
    type: before.active && !after.active ? 'ProductDeactivated' : 'ProductUpdated',
    data: { sku, version, changed: getChangedFields(before, after), ...price, currency: after.currency },
  };
}

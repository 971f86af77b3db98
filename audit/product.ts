import { canonicalJson } from '../domain/canonical-json';
import type { CloudEvent } from '../domain/events';
import { productId } from '../domain/ids';
import type { Product } from '../domain/product';
import type { Finding } from './findings';

/**
 * Holds a product against what its events tell. One that was there before its first event may have fields of which none
 * tells.
 */
export function checkProduct(sku: string, events: readonly CloudEvent[], stored: Product | null): Finding[] {
  const mismatch = (detail: string): Finding[] => [
    { check: 'projection_mismatch', subject: productId(sku), detail },
  ];
  if (stored === null) return mismatch('its log is there and the product is not');
  const told = Object.assign({}, ...events.map(({ data }) => ({ ...factsOf(data), version: data.version })));
  const wrong = (Object.keys(told) as (keyof Product)[]).filter(
    (field) => canonicalJson(told[field]) !== canonicalJson(stored[field]),
  );
  return wrong.length === 0 ? [] : mismatch(`the log tells of another ${wrong.join(', ')}`);
}

const factsOf = (data: CloudEvent['data']): object => (data.product ?? data.changed ?? {}) as object;

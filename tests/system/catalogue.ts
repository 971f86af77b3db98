import type { CreateProduct, Product } from '../../api/schemas/product';
import { connect } from '../../db/connect';
import { select } from '../../db/sql';
import type { CloudEvent } from '../../domain/events';
import type { Answer } from '../support/http';
import type { System } from '../support/system';

let products = 0;

/** A product nobody else has. */
export function productOf(more: Partial<CreateProduct> = {}): CreateProduct {
  products += 1;
  return {
    sku: `lamp-${process.pid}-${products}`,
    name: 'Brass lamp',
    description: 'A lamp.',
    price: { amount: 12_900, currency: 'EUR' },
    taxClass: 'standard',
    weightGrams: 2_000,
    imageUrl: null,
    attributes: {},
    active: true,
    ...more,
  };
}

/** Creates it. */
export async function added(system: System, more: Partial<CreateProduct> = {}): Promise<Product> {
  const { status, body, text } = await system.api<Product>('/api/products', { body: productOf(more) });
  expect({ status, text }).toEqual({ status: 201, text });
  return body;
}

/** What `PUT` takes of a product as it was read. */
export const replacementOf = ({
  sku: _,
  version: __,
  createdAt: ___,
  updatedAt: ____,
  ...rest
}: Product): Omit<CreateProduct, 'sku'> => rest;

export const put = (
  system: System,
  product: Product,
  change: Partial<CreateProduct> = {},
  ifMatch: string | undefined = `"${product.version}"`,
): Promise<Answer<Product>> =>
  system.api<Product>(`/api/products/${product.sku}`, {
    method: 'PUT',
    headers: ifMatch === '' ? {} : { 'if-match': ifMatch },
    body: { ...replacementOf(product), ...change },
  });

/** The events of a stream as subscribers get them, oldest first. */
export async function eventsOf(system: System, stream: string): Promise<CloudEvent[]> {
  const db = connect({ url: system.env.DATABASE_URL ?? '', poolSize: 1 });
  try {
    const rows = await select<{ body: string }>(
      db,
      'SELECT body FROM events WHERE stream = :stream ORDER BY seq',
      { stream },
    );
    return rows.map(({ body }) => JSON.parse(body) as CloudEvent);
  } finally {
    await db.close();
  }
}

import type {
  CreateProduct,
  Product,
  ProductImport,
  ProductImportWithFaults,
} from '../../../api/catalogue/schemas';
import { connect } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import type { CloudEvent } from '../../../domain/shared/events';
import { eventually } from '../../harness/eventually';
import type { Answer } from '../../harness/http/http';
import type { System } from '../../harness/servers/system';

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

export const CSV = { 'content-type': 'text/csv' };
export const IMPORT_HEADER = 'sku,name,description,price,tax_class,weight_grams,image_url,active,attr.wood';
export const importRow = (n: number, prefix: string, price = `${n}.99`): string =>
  `${prefix}-${n},Board ${n},"Cut, planed",${price},standard,${n},/b/${n}.webp,true,oak`;

/** Sends a file. */
export const upload = <T = ProductImport>(
  system: System,
  lines: string | readonly string[],
  headers: Record<string, string> = {},
): Promise<Answer<T>> =>
  system.api<T>('/api/products/import', {
    raw: typeof lines === 'string' ? lines : lines.join('\n'),
    headers: { ...CSV, ...headers },
  });

/** Sends a file that is accepted. */
export async function received(
  system: System,
  lines: readonly string[],
  headers: Record<string, string> = {},
): Promise<ProductImport> {
  const { status, body, text, headers: answered } = await upload(system, lines, headers);
  expect({ status, text }).toEqual({ status: 202, text });
  expect(answered.location).toBe(`/api/products/imports/${body.id}`);
  return body;
}

export async function lookAt(system: System, id: string): Promise<ProductImportWithFaults> {
  const answer = await system.api<ProductImportWithFaults>(`/api/products/imports/${id}`);
  expect(answer.status).toBe(200);
  return answer.body;
}

export const importEnded = (system: System, id: string): Promise<ProductImportWithFaults> =>
  eventually(
    `import ${id} at its end`,
    async () => {
      const found = await lookAt(system, id);
      return found.endedAt !== null && found;
    },
    60_000,
  );

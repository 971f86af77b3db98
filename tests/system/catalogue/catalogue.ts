import type {
  CreateProductRequest,
  Product,
  ProductImport,
  ProductImportDetail,
} from '../../../api/catalogue/schemas';
import { connect } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import type { CloudEvent } from '../../../domain/shared/events';
import { eventually } from '../../harness/eventually';
import type { HttpResponse } from '../../harness/http/http-client';
import type { System } from '../../harness/servers/system';

let productCount = 0;

/** A product nobody else has. */
export function buildProduct(more: Partial<CreateProductRequest> = {}): CreateProductRequest {
  productCount += 1;
  return {
    sku: `lamp-${process.pid}-${productCount}`,
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
export async function createProductViaApi(
  system: System,
  more: Partial<CreateProductRequest> = {},
): Promise<Product> {
  const { status, body, text } = await system.request<Product>('/api/products', { body: buildProduct(more) });
  expect({ status, text }).toEqual({ status: 201, text });
  return body;
}

/** What `PUT` takes of a product as it was read. */
export const toReplacement = ({
  sku: _,
  version: __,
  createdAt: ___,
  updatedAt: ____,
  ...rest
}: Product): Omit<CreateProductRequest, 'sku'> => rest;

export const putProduct = (
  system: System,
  product: Product,
  change: Partial<CreateProductRequest> = {},
  ifMatch: string | undefined = `"${product.version}"`,
): Promise<HttpResponse<Product>> =>
  system.request<Product>(`/api/products/${product.sku}`, {
    method: 'PUT',
    headers: ifMatch === '' ? {} : { 'if-match': ifMatch },
    body: { ...toReplacement(product), ...change },
  });

/** The events of a stream as subscribers get them, oldest first. */
export async function listEvents(system: System, stream: string): Promise<CloudEvent[]> {
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

export const CSV_HEADERS = { 'content-type': 'text/csv' };
export const IMPORT_HEADER_ROW =
  'sku,name,description,price,tax_class,weight_grams,image_url,active,attr.wood';
export const buildImportRow = (n: number, prefix: string, price = `${n}.99`): string =>
  `${prefix}-${n},Board ${n},"Cut, planed",${price},standard,${n},/b/${n}.webp,true,oak`;

/** Sends a file. */
export const uploadImport = <T = ProductImport>(
  system: System,
  lines: string | readonly string[],
  headers: Record<string, string> = {},
): Promise<HttpResponse<T>> =>
  system.request<T>('/api/products/import', {
    raw: typeof lines === 'string' ? lines : lines.join('\n'),
    headers: { ...CSV_HEADERS, ...headers },
  });

/** Sends a file that is accepted. */
export async function uploadAcceptedImport(
  system: System,
  lines: readonly string[],
  headers: Record<string, string> = {},
): Promise<ProductImport> {
  const { status, body, text, headers: answered } = await uploadImport(system, lines, headers);
  expect({ status, text }).toEqual({ status: 202, text });
  expect(answered.location).toBe(`/api/products/imports/${body.id}`);
  return body;
}

export async function getImport(system: System, id: string): Promise<ProductImportDetail> {
  const answer = await system.request<ProductImportDetail>(`/api/products/imports/${id}`);
  expect(answer.status).toBe(200);
  return answer.body;
}

export const waitForImport = (system: System, id: string): Promise<ProductImportDetail> =>
  eventually(
    `import ${id} at its end`,
    async () => {
      const found = await getImport(system, id);
      return found.endedAt !== null && found;
    },
    60_000,
  );

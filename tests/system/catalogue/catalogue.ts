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

/** @returns a product with a unique SKU. */
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

export async function createProductViaApi(
  system: System,
  more: Partial<CreateProductRequest> = {},
): Promise<Product> {
  const { status, body, text } = await system.request<Product>('/api/products', { body: buildProduct(more) });
  expect({ status, text }).toEqual({ status: 201, text });
  return body;
}

/** @returns the `PUT` body for a product that was read. */
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

/** @returns the events of a stream as subscribers receive them, oldest first. */
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

export const uploadImport = <T = ProductImport>(
  system: System,
  lines: string | readonly string[],
  headers: Record<string, string> = {},
): Promise<HttpResponse<T>> =>
  system.request<T>('/api/products/import', {
    raw: typeof lines === 'string' ? lines : lines.join('\n'),
    headers: { ...CSV_HEADERS, ...headers },
  });

/** Uploads a file and expects 202. */
export async function uploadAcceptedImport(
  system: System,
  lines: readonly string[],
  headers: Record<string, string> = {},
): Promise<ProductImport> {
  const { status, body, text, headers: responseHeaders } = await uploadImport(system, lines, headers);
  expect({ status, text }).toEqual({ status: 202, text });
  expect(responseHeaders.location).toBe(`/api/products/imports/${body.id}`);
  return body;
}

export async function getImport(system: System, id: string): Promise<ProductImportDetail> {
  const response = await system.request<ProductImportDetail>(`/api/products/imports/${id}`);
  expect(response.status).toBe(200);
  return response.body;
}

export const waitForImport = (system: System, id: string): Promise<ProductImportDetail> =>
  eventually(
    `import ${id} to finish`,
    async () => {
      const productImport = await getImport(system, id);
      return productImport.endedAt !== null && productImport;
    },
    60_000,
  );

import { request as send } from 'node:http';
import { ulid } from 'ulid';
import type { Product, ProductImportDetail } from '../../../api/catalogue/schemas';
import { eventually } from '../../harness/eventually';
import type { HttpRequest, HttpResponse } from '../../harness/http/http-client';
import type { FaultPointTestEnv } from './fault-point-test-env';

const ROWS = 3;
const LOW_MINOR = 1_000;
const HIGH_MINOR = 2_000;

/** Staff maintain the catalogue. A request without a response is repeated until its effect exists. */
export class CatalogueScenario {
  private readonly sku = `crash-${ulid().toLowerCase()}`;
  private readonly key = ulid();
  private importPath = '';

  constructor(private readonly env: FaultPointTestEnv) {}

  async createProduct(): Promise<void> {
    const body = { sku: this.sku, name: 'Lamp', price: { amount: LOW_MINOR, currency: 'EUR' } };
    await this.retryUntilStatus([201, 409], '/api/products', { body });
    expect(await this.getProduct()).toMatchObject({ version: 1, active: true });
  }

  async changePrice(): Promise<void> {
    const price = { amount: HIGH_MINOR, currency: 'EUR' };
    await this.changeProduct({ method: 'PUT', body: { name: 'Lamp', price } }, [200, 412]);
    expect(await this.getProduct()).toMatchObject({ version: 2, price });
  }

  async deactivateProduct(): Promise<void> {
    await this.changeProduct({ method: 'DELETE' }, [204, 412]);
    expect(await this.getProduct()).toMatchObject({ version: 3, active: false });
  }

  /** Uploads a file until it is accepted. */
  async importFile(): Promise<void> {
    const { headers } = await this.retryUntilStatus([202], '/api/products/import', {
      raw: this.buildFile(ROWS),
      headers: { 'content-type': 'text/csv', 'idempotency-key': this.key },
    });
    this.importPath = String(headers.location);
  }

  /** Starts an upload and disconnects before its end. */
  async abortUpload(): Promise<void> {
    let isClosed = false;
    const upload = send(`${this.env.system.url}/api/products/import`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.env.system.token}`,
        'content-type': 'text/csv',
        'idempotency-key': this.key,
        'content-length': '1000000',
      },
    });
    upload.on('error', () => undefined);
    upload.once('close', () => {
      isClosed = true;
    });
    const before = await this.env.countOpenUploads();
    upload.write(this.buildFile(ROWS));
    await eventually('an open upload', async () => isClosed || (await this.env.countOpenUploads()) > before);
    upload.destroy();
  }

  async assertImported(): Promise<void> {
    const productImport = await this.env.eventually(`${this.importPath} completed`, async () => {
      const { body } = await this.env.system.request<ProductImportDetail>(this.importPath);
      return body.endedAt !== null && body;
    });
    expect(productImport).toMatchObject({
      status: 'completed',
      created: ROWS,
      updated: 0,
      unchanged: 0,
      faulty: 0,
    });
    for (let n = 0; n < ROWS; n += 1) {
      const product = await this.retryUntilStatus<Product>([200], `/api/products/${this.sku}-${n}`);
      expect(product.body.version).toBe(1);
    }
  }

  private buildFile(rows: number): string {
    const lines = Array.from({ length: rows }, (_, n) => `${this.sku}-${n},Board ${n},${n}.50`);
    return ['sku,name,price', ...lines].join('\n');
  }

  private async getProduct(): Promise<Product> {
    return (await this.retryUntilStatus<Product>([200], `/api/products/${this.sku}?active=all`)).body;
  }

  /** Sends the change with `If-Match`: 412 means that an earlier attempt had its effect. */
  private async changeProduct(request: HttpRequest, statuses: number[]): Promise<void> {
    const { version } = await this.getProduct();
    const headers = { 'if-match': `"${version}"` };
    await this.retryUntilStatus(statuses, `/api/products/${this.sku}`, { ...request, headers });
  }

  private async retryUntilStatus<T>(
    statuses: number[],
    path: string,
    request: HttpRequest = {},
  ): Promise<HttpResponse<T>> {
    for (;;) {
      const response = await this.env.system.request<T>(path, request).catch(() => null);
      if (response !== null && statuses.includes(response.status)) return response;
      if (response !== null && response.status !== 503)
        throw new Error(`${response.status} ${response.text}`);
      await this.env.waitUntilReady();
    }
  }
}

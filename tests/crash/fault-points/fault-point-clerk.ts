import { request as send } from 'node:http';
import { ulid } from 'ulid';
import type { Product, ProductImportWithFaults } from '../../../api/catalogue/schemas';
import { eventually } from '../../harness/eventually';
import type { Answer, HttpRequest } from '../../harness/http/http';
import type { FaultPointShop } from './fault-point-shop';

const ROWS = 3;
const LOW_MINOR = 1_000;
const HIGH_MINOR = 2_000;

/** Maintains the catalogue, and does not give up: what had no answer is looked at and done again where it was not done. */
export class Clerk {
  private readonly sku = `crash-${ulid().toLowerCase()}`;
  private readonly key = ulid();
  private importPath = '';

  constructor(private readonly shop: FaultPointShop) {}

  async creates(): Promise<void> {
    const body = { sku: this.sku, name: 'Lamp', price: { amount: LOW_MINOR, currency: 'EUR' } };
    await this.answered([201, 409], '/api/products', { body });
    expect(await this.product()).toMatchObject({ version: 1, active: true });
  }

  async changesPrice(): Promise<void> {
    const price = { amount: HIGH_MINOR, currency: 'EUR' };
    await this.change({ method: 'PUT', body: { name: 'Lamp', price } }, [200, 412]);
    expect(await this.product()).toMatchObject({ version: 2, price });
  }

  async stopsSelling(): Promise<void> {
    await this.change({ method: 'DELETE' }, [204, 412]);
    expect(await this.product()).toMatchObject({ version: 3, active: false });
  }

  /** Sends a file until it is accepted. */
  async imports(): Promise<void> {
    const { headers } = await this.answered([202], '/api/products/import', {
      raw: this.file(ROWS),
      headers: { 'content-type': 'text/csv', 'idempotency-key': this.key },
    });
    this.importPath = String(headers.location);
  }

  /** Begins to send a file, and is gone before its end. */
  async breaksOff(): Promise<void> {
    let gone = false;
    const upload = send(`${this.shop.system.url}/api/products/import`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.shop.system.token}`,
        'content-type': 'text/csv',
        'idempotency-key': this.key,
        'content-length': '1000000',
      },
    });
    upload.on('error', () => undefined);
    upload.once('close', () => {
      gone = true;
    });
    const before = await this.shop.uploadsUnderWay();
    upload.write(this.file(ROWS));
    await eventually('an upload', async () => gone || (await this.shop.uploadsUnderWay()) > before);
    upload.destroy();
  }

  async seesImported(): Promise<void> {
    const found = await this.shop.eventually(`${this.importPath} at its end`, async () => {
      const { body } = await this.shop.system.api<ProductImportWithFaults>(this.importPath);
      return body.endedAt !== null && body;
    });
    expect(found).toMatchObject({ status: 'completed', created: ROWS, updated: 0, unchanged: 0, faulty: 0 });
    for (let n = 0; n < ROWS; n += 1) {
      const product = await this.answered<Product>([200], `/api/products/${this.sku}-${n}`);
      expect(product.body.version).toBe(1);
    }
  }

  private file(rows: number): string {
    const lines = Array.from({ length: rows }, (_, n) => `${this.sku}-${n},Board ${n},${n}.50`);
    return ['sku,name,price', ...lines].join('\n');
  }

  private async product(): Promise<Product> {
    return (await this.answered<Product>([200], `/api/products/${this.sku}?active=all`)).body;
  }

  /** Once, as far as can be known: a change whose answer was lost has made another version. */
  private async change(request: HttpRequest, statuses: number[]): Promise<void> {
    const { version } = await this.product();
    const headers = { 'if-match': `"${version}"` };
    await this.answered(statuses, `/api/products/${this.sku}`, { ...request, headers });
  }

  private async answered<T>(statuses: number[], path: string, request: HttpRequest = {}): Promise<Answer<T>> {
    for (;;) {
      const answer = await this.shop.system.api<T>(path, request).catch(() => null);
      if (answer !== null && statuses.includes(answer.status)) return answer;
      if (answer !== null && answer.status !== 503) throw new Error(`${answer.status} ${answer.text}`);
      await this.shop.ready();
    }
  }
}

import { ulid } from 'ulid';
import type { InventoryItem, StockAdjustmentResult } from '../../../api/inventory/schemas';
import type { FaultPointTestEnv } from './fault-point-test-env';

const CODE_LENGTH = 16;

/** Staff manage one product in a new warehouse. A request without a response is repeated. */
export class WarehouseScenario {
  private readonly code = ulid().slice(-CODE_LENGTH);
  private readonly fields = { name: 'A warehouse', country: 'DE' };

  constructor(
    private readonly env: FaultPointTestEnv,
    private readonly sku: string,
  ) {}

  /** 409: an earlier attempt created the warehouse. */
  async createWarehouse(): Promise<void> {
    const body = { code: this.code, ...this.fields };
    await this.env.retryUntilStatus([201, 409], () => this.env.system.request('/api/warehouses', { body }));
  }

  async closeWarehouse(): Promise<void> {
    // Succeeds with the first version, even when an earlier attempt closed the warehouse.
    const headers = { 'if-match': '"1"' };
    const request = { method: 'PUT', headers, body: { ...this.fields, active: false } };
    await this.env.retryUntilStatus([200], () =>
      this.env.system.request(`/api/warehouses/${this.code}`, request),
    );
  }

  async receiveStock(delta: number): Promise<void> {
    const movement = await this.adjustStock({ delta, reason: 'received' });
    expect(movement).toMatchObject({ delta, onHandAfter: delta });
  }

  async countStock(countedOnHand: number): Promise<void> {
    expect((await this.adjustStock({ countedOnHand, reason: 'count' })).onHandAfter).toBe(countedOnHand);
  }

  /** Does not check the result: concurrent scenarios may set another threshold. */
  async setThreshold(threshold: number | null): Promise<void> {
    const request = { method: 'PUT', body: { threshold } };
    const path = `/api/inventory/${this.sku}/threshold`;
    await this.env.retryUntilStatus([200], () => this.env.system.request(path, request));
  }

  async assertLevel(level: {
    onHand: number;
    reserved: number;
    active: boolean;
    available: number;
  }): Promise<void> {
    const path = `/api/inventory/${this.sku}`;
    const { body } = await this.env.retryUntilStatus([200], () =>
      this.env.system.request<InventoryItem>(path),
    );
    expect(body.warehouses.find(({ code }) => code === this.code)).toEqual({ code: this.code, ...level });
  }

  private async adjustStock(change: object): Promise<StockAdjustmentResult['movement']> {
    const path = `/api/inventory/${this.sku}/adjustments`;
    const request = {
      body: { warehouse: this.code, ...change },
      headers: { 'idempotency-key': ulid() },
    };
    const send = () => this.env.system.request<StockAdjustmentResult>(path, request);
    const first = await this.env.retryUntilStatus([201], send);
    expect((await this.env.retryUntilStatus([201], send)).text).toBe(first.text);
    return first.body.movement;
  }
}

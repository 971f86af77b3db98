import { ulid } from 'ulid';
import type { AdjustedStock, InventoryItem } from '../../../api/inventory/schemas';
import type { FaultPointShop } from './fault-point-shop';

const CODE_LENGTH = 16;

/** Looks after one product in a warehouse of their own, and does not give up while the shop is away. */
export class WarehouseStaff {
  private readonly code = ulid().slice(-CODE_LENGTH);
  private readonly fields = { name: 'A warehouse', country: 'DE' };

  constructor(
    private readonly shop: FaultPointShop,
    private readonly sku: string,
  ) {}

  /** Sent again it may find the warehouse there already. */
  async open(): Promise<void> {
    const body = { code: this.code, ...this.fields };
    await this.shop.answered([201, 409], () => this.shop.system.api('/api/warehouses', { body }));
  }

  async close(): Promise<void> {
    // Sent again it may find the warehouse closed already, of a version that nobody has seen.
    const headers = { 'if-match': '"1"' };
    const request = { method: 'PUT', headers, body: { ...this.fields, active: false } };
    await this.shop.answered([200], () => this.shop.system.api(`/api/warehouses/${this.code}`, request));
  }

  async receive(delta: number): Promise<void> {
    const movement = await this.adjust({ delta, reason: 'received' });
    expect(movement).toMatchObject({ delta, onHandAfter: delta });
  }

  async count(countedOnHand: number): Promise<void> {
    expect((await this.adjust({ countedOnHand, reason: 'count' })).onHandAfter).toBe(countedOnHand);
  }

  /** Others may set another threshold meanwhile. */
  async watch(threshold: number | null): Promise<void> {
    const request = { method: 'PUT', body: { threshold } };
    const path = `/api/inventory/${this.sku}/threshold`;
    await this.shop.answered([200], () => this.shop.system.api(path, request));
  }

  async sees(level: { onHand: number; reserved: number; active: boolean; available: number }): Promise<void> {
    const path = `/api/inventory/${this.sku}`;
    const { body } = await this.shop.answered([200], () => this.shop.system.api<InventoryItem>(path));
    expect(body.warehouses.find(({ code }) => code === this.code)).toEqual({ code: this.code, ...level });
  }

  private async adjust(change: object): Promise<AdjustedStock['movement']> {
    const path = `/api/inventory/${this.sku}/adjustments`;
    const request = {
      body: { warehouse: this.code, ...change },
      headers: { 'idempotency-key': ulid() },
    };
    const send = () => this.shop.system.api<AdjustedStock>(path, request);
    const first = await this.shop.answered([201], send);
    expect((await this.shop.answered([201], send)).text).toBe(first.text);
    return first.body.movement;
  }
}

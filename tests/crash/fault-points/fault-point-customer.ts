import { ulid } from 'ulid';
import type { Order, PlaceOrder } from '../../../api/orders/schemas';
import type { FaultRequest } from '../../../dev/payment-simulator/faults';
import { orderOf } from '../../system/orders/orders';
import type { FaultPointShop } from './fault-point-shop';

/** How an order is to end, whatever was killed on the way. */
export interface Promised {
  status: Order['status'];
  payment: Order['payment'][];
  /** What the same request is answered with from then on. */
  answer: number;
  /** Events whose mails are settled. `maybe`: only where the order came that far. */
  mails: { kind: string; maybe?: boolean }[];
}

/** Long enough to do something to the order before it goes on. */
const HOLD_MS = 700;

type Placed = { id?: string; orderId?: string };

/** Orders once, and does not give up: a request without an answer is sent again, with its key, when the shop is back. */
export class Customer {
  private readonly headers = { 'idempotency-key': ulid() };
  private readonly body: PlaceOrder;
  private id = '';

  constructor(
    private readonly shop: FaultPointShop,
    ...order: Parameters<typeof orderOf>
  ) {
    this.body = orderOf(...order);
  }

  /** @param prefer how long to wait for the decision. */
  async place(prefer = 'wait=20'): Promise<string> {
    const { body } = await this.shop.answered([201, 202, 402, 409], () =>
      this.shop.system.place<Placed>(this.body, { ...this.headers, prefer }),
    );
    this.id = body.id ?? body.orderId ?? '';
    return this.id;
  }

  /** Places the order in such a way that the provider meets its payment with the fault. */
  async placeWith(fault: FaultRequest): Promise<string> {
    const { system } = this.shop;
    await system.fault({ operation: 'create', mode: 'delay', delayMs: HOLD_MS });
    const id = await this.place('respond-async');
    await system.fault({ ...fault, match: { orderId: id } });
    return id;
  }

  async cancel(): Promise<void> {
    await this.shop.answered([200, 202, 409], () =>
      this.shop.system.api(`/api/orders/${this.id}/cancel`, { method: 'POST', body: {} }),
    );
  }

  /** Waits until a mail could not be sent, or is settled after all. */
  async untilMailFails(): Promise<void> {
    await this.shop.eventually(
      `a mail of ${this.id} that fails`,
      async () => (await this.shop.mailHasFailed(this.id)) || (await this.toldOfMails()).length > 0,
    );
  }

  async untilPaying(): Promise<void> {
    await this.shop.eventually(
      `a payment of ${this.id}`,
      async () => (await this.shop.system.intents(this.id)).length > 0,
    );
  }

  async until(what: string, reached: (order: Order) => boolean): Promise<void> {
    await this.shop.eventually(`${what} at ${this.id}`, async () =>
      reached(await this.shop.system.order(this.id)),
    );
  }

  /** Checks the end of the order: its status, money in the provider's books, mails, the answer to the same request. */
  async sees({ status, payment, answer, mails }: Promised): Promise<void> {
    const { system } = this.shop;
    const order = await this.shop.eventually(`${this.id} ${status}`, async () => {
      const now = await system.order(this.id);
      return now.status === status && now;
    });
    expect(payment).toContain(order.payment);
    expect(order.attention).toBeNull();

    // A workflow that is open knows of it, too: it does not try to store it for ever.
    await this.shop.eventually(`the workflow of ${this.id} ${status}`, async () => {
      const known = await system.api(`/api/orders/${this.id}?consistency=strong`);
      return known.body.status === status;
    });

    const intents = await system.intents(this.id);
    const kept = intents.map((intent) => intent.amount_captured - intent.amount_refunded);
    expect(kept.length).toBeLessThanOrEqual(1);
    expect(kept[0] ?? 0).toBe(status === 'confirmed' ? order.total.amount : 0);

    const wanted = mails.filter(({ maybe }) => maybe !== true).map(({ kind }) => kind);
    const told = await this.shop.eventually(`mails ${wanted} of ${this.id} settled`, async () => {
      const found = await this.toldOfMails();
      return wanted.every((kind) => found.includes(kind)) && found;
    });
    expect(new Set(told).size).toBe(told.length);
    for (const kind of told) expect(mails.map((mail) => mail.kind)).toContain(kind);

    const again = await this.shop.answered([answer], () => system.place<Placed>(this.body, this.headers));
    expect(again.body.id ?? again.body.orderId).toBe(this.id);
  }

  /** Kinds of the mails that the history calls sent or failed. */
  private async toldOfMails(): Promise<string[]> {
    const { entries } = await this.shop.system.history(this.id);
    return entries
      .filter((entry) => entry.source === 'log' && entry.type.startsWith('Notification'))
      .map((entry) => String(entry.event?.data.kind));
  }
}

import { ulid } from 'ulid';
import type { Order, PlaceOrderRequest } from '../../../api/orders/schemas';
import type { FaultRequest } from '../../../dev/payment-simulator/faults';
import { buildOrderRequest } from '../../system/orders/orders';
import type { FaultPointTestEnv } from './fault-point-test-env';

/** How an order is to end, whatever was killed on the way. */
export interface ExpectedOutcome {
  status: Order['status'];
  payment: Order['payment'][];
  /** What the same request is answered with from then on. */
  replayStatus: number;
  /** Events whose mails are settled. `maybe`: only where the order came that far. */
  mails: { kind: string; maybe?: boolean }[];
}

/** Long enough to do something to the order before it goes on. */
const PAYMENT_DELAY_MS = 700;

type PlacementBody = { id?: string; orderId?: string };

/** Orders once, and does not give up: a request without an answer is sent again, with its key, when the shop is back. */
export class OrderScenario {
  private readonly headers = { 'idempotency-key': ulid() };
  private readonly body: PlaceOrderRequest;
  private id = '';

  constructor(
    private readonly env: FaultPointTestEnv,
    ...order: Parameters<typeof buildOrderRequest>
  ) {
    this.body = buildOrderRequest(...order);
  }

  /** @param prefer how long to wait for the decision. */
  async placeOrder(prefer = 'wait=20'): Promise<string> {
    const { body } = await this.env.retryUntilStatus([201, 202, 402, 409], () =>
      this.env.system.placeOrder<PlacementBody>(this.body, { ...this.headers, prefer }),
    );
    this.id = body.id ?? body.orderId ?? '';
    return this.id;
  }

  /** Places the order in such a way that the provider meets its payment with the fault. */
  async placeOrderWithFault(fault: FaultRequest): Promise<string> {
    const { system } = this.env;
    await system.injectFault({ operation: 'create', mode: 'delay', delayMs: PAYMENT_DELAY_MS });
    const id = await this.placeOrder('respond-async');
    await system.injectFault({ ...fault, match: { orderId: id } });
    return id;
  }

  async cancelOrder(): Promise<void> {
    await this.env.retryUntilStatus([200, 202, 409], () =>
      this.env.system.request(`/api/orders/${this.id}/cancel`, { method: 'POST', body: {} }),
    );
  }

  /** Waits until a mail could not be sent, or is settled after all. */
  async waitForMailFailure(): Promise<void> {
    await this.env.eventually(
      `a mail of ${this.id} that fails`,
      async () => (await this.env.hasFailedMail(this.id)) || (await this.listMailKinds()).length > 0,
    );
  }

  async waitForPayment(): Promise<void> {
    await this.env.eventually(
      `a payment of ${this.id}`,
      async () => (await this.env.system.listIntents(this.id)).length > 0,
    );
  }

  async waitForOrder(what: string, reached: (order: Order) => boolean): Promise<void> {
    await this.env.eventually(`${what} at ${this.id}`, async () =>
      reached(await this.env.system.getOrder(this.id)),
    );
  }

  /** Checks the end of the order: its status, money in the provider's books, mails, the answer to the same request. */
  async assertOutcome({ status, payment, replayStatus, mails }: ExpectedOutcome): Promise<void> {
    const { system } = this.env;
    const order = await this.env.eventually(`${this.id} ${status}`, async () => {
      const now = await system.getOrder(this.id);
      return now.status === status && now;
    });
    expect(payment).toContain(order.payment);
    expect(order.attention).toBeNull();

    // A workflow that is open knows of it, too: it does not try to store it for ever.
    await this.env.eventually(`the workflow of ${this.id} ${status}`, async () => {
      const known = await system.request(`/api/orders/${this.id}?consistency=strong`);
      return known.body.status === status;
    });

    const intents = await system.listIntents(this.id);
    const kept = intents.map((intent) => intent.amount_captured - intent.amount_refunded);
    expect(kept.length).toBeLessThanOrEqual(1);
    expect(kept[0] ?? 0).toBe(status === 'confirmed' ? order.total.amount : 0);

    const wanted = mails.filter(({ maybe }) => maybe !== true).map(({ kind }) => kind);
    const told = await this.env.eventually(`mails ${wanted} of ${this.id} settled`, async () => {
      const found = await this.listMailKinds();
      return wanted.every((kind) => found.includes(kind)) && found;
    });
    expect(new Set(told).size).toBe(told.length);
    for (const kind of told) expect(mails.map((mail) => mail.kind)).toContain(kind);

    const again = await this.env.retryUntilStatus([replayStatus], () =>
      system.placeOrder<PlacementBody>(this.body, this.headers),
    );
    expect(again.body.id ?? again.body.orderId).toBe(this.id);
  }

  /** Kinds of the mails that the history calls sent or failed. */
  private async listMailKinds(): Promise<string[]> {
    const { entries } = await this.env.system.getHistory(this.id);
    return entries
      .filter((entry) => entry.source === 'log' && entry.type.startsWith('Notification'))
      .map((entry) => String(entry.event?.data.kind));
  }
}

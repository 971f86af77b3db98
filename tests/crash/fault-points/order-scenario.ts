import { ulid } from 'ulid';
import type { Order, PlaceOrderRequest } from '../../../api/orders/schemas';
import type { FaultRequest } from '../../../dev/payment-simulator/faults';
import { buildOrderRequest } from '../../system/orders/orders';
import type { FaultPointTestEnv } from './fault-point-test-env';

/** The outcome of an order, regardless of kills. */
export interface ExpectedOutcome {
  status: Order['status'];
  payment: Order['payment'][];
  /** Status of the response to the repeated placement. */
  replayStatus: number;
  /** Kinds of the sent or failed mails. `maybe`: depends on how far the order came. */
  mails: { kind: string; maybe?: boolean }[];
}

/** Leaves time to act on the order before its payment continues. */
const PAYMENT_DELAY_MS = 700;

type PlacementBody = { id?: string; orderId?: string };

/** A customer with one order. A request without a response is repeated with its idempotency key. */
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

  /** @param prefer the `Prefer` header. */
  async placeOrder(prefer = 'wait=20'): Promise<string> {
    const { body } = await this.env.retryUntilStatus([201, 202, 402, 409], () =>
      this.env.system.placeOrder<PlacementBody>(this.body, { ...this.headers, prefer }),
    );
    this.id = body.id ?? body.orderId ?? '';
    return this.id;
  }

  /** Places the order and injects the fault into its payment. */
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

  /** Waits until a delivery attempt has failed, or the mail is settled. */
  async waitForMailFailure(): Promise<void> {
    await this.env.eventually(
      `a failed mail of ${this.id}`,
      async () => (await this.env.hasFailedMail(this.id)) || (await this.listMailKinds()).length > 0,
    );
  }

  async waitForPayment(): Promise<void> {
    await this.env.eventually(
      `a payment of ${this.id}`,
      async () => (await this.env.system.listIntents(this.id)).length > 0,
    );
  }

  async waitForOrder(label: string, isReached: (order: Order) => boolean): Promise<void> {
    await this.env.eventually(`${label} at ${this.id}`, async () =>
      isReached(await this.env.system.getOrder(this.id)),
    );
  }

  /** Checks the status, the provider's books, the mails and the response to the repeated placement. */
  async assertOutcome({ status, payment, replayStatus, mails }: ExpectedOutcome): Promise<void> {
    const { system } = this.env;
    const order = await this.env.eventually(`${this.id} ${status}`, async () => {
      const current = await system.getOrder(this.id);
      return current.status === status && current;
    });
    expect(payment).toContain(order.payment);
    expect(order.attention).toBeNull();

    // An open workflow must have the same status, not retry storing it.
    if (status === 'confirmed') {
      await this.env.eventually(
        `the workflow of ${this.id} ${status}`,
        async () => (await this.env.queryWorkflow(this.id)).status === status,
      );
    }

    const intents = await system.listIntents(this.id);
    const netMinor = intents.map((intent) => intent.amount_captured - intent.amount_refunded);
    expect(netMinor.length).toBeLessThanOrEqual(1);
    expect(netMinor[0] ?? 0).toBe(status === 'confirmed' ? order.total.amount : 0);

    const required = mails.filter(({ maybe }) => maybe !== true).map(({ kind }) => kind);
    const kinds = await this.env.eventually(`mails ${required} of ${this.id} settled`, async () => {
      const settled = await this.listMailKinds();
      return required.every((kind) => settled.includes(kind)) && settled;
    });
    expect(new Set(kinds).size).toBe(kinds.length);
    for (const kind of kinds) expect(mails.map((mail) => mail.kind)).toContain(kind);

    const replay = await this.env.retryUntilStatus([replayStatus], () =>
      system.placeOrder<PlacementBody>(this.body, this.headers),
    );
    expect(replay.body.id ?? replay.body.orderId).toBe(this.id);
  }

  /** Kinds of the sent or failed mails in the history. */
  private async listMailKinds(): Promise<string[]> {
    const { entries } = await this.env.system.getHistory(this.id);
    return entries
      .filter((entry) => entry.source === 'log' && entry.type.startsWith('Notification'))
      .map((entry) => String(entry.event?.data.kind));
  }
}

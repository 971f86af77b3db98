import type { Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import type { Address, OrderContact } from '../../db/customers/contacts';
import type { Actor, Order } from '../../domain/orders/order';
import { placeOrder } from '../../domain/orders/order-changes';
import type { OrderPolicy } from '../../domain/shared/policy';
import type { OrderInput } from '../../workflows/orders/messages';
import type { TaskQueues } from '../../workflows/shared/task-queues';
import { invalidToken } from '../auth/auth-errors';
import {
  type ClaimIdempotencyKey,
  hashRequest,
  type IdempotentRequest,
  withIdempotencyKey,
} from '../shared/idempotency';
import { newCustomerId, newOrderId } from '../shared/new-ids';
import { type PricingDependencies, priceCartFromCatalogue } from './price-cart';
import { findStoredDecision, type OrderStartDependencies, startAndAwaitDecision } from './start-order';

export interface PlacementDependencies extends PricingDependencies, OrderStartDependencies {
  store: Pick<
    Store,
    'db' | 'log' | 'products' | 'placements' | 'idempotencyKeys' | 'contacts' | 'personalData'
  >;
  /** Key of the hashes that compare request bodies. */
  fingerprintKey: Buffer;
  queues: TaskQueues;
  policy: OrderPolicy;
}

export interface PlacementRequest {
  body: {
    items: { sku: string; quantity: number }[];
    customer: { email: string; name: string; phone?: string | undefined };
    shippingAddress: Address;
    shippingMethod?: string | undefined;
    /** `method`: the provider's id of a payment method (`pm_…`). */
    payment: { method: string };
  };
  /** Owner of the idempotency key. */
  caller: string;
  placedBy: Actor;
  /** Owner of the order; null: the customer with the email address of the body. */
  customerId: string | null;
  idempotencyKey: string | undefined;
  /** How long to wait for the decision, in milliseconds; 0 returns as soon as the order is started. */
  waitMs: number;
}

export interface PlacementResult {
  orderId: string;
  /** The order as it was decided; null while it is undecided. */
  order: Order | null;
  contact: OrderContact;
  /** The key was already used with this body. */
  replayed: boolean;
}

/**
 * Places one order: stores the placement under its idempotency key, starts the order's workflow, waits for its decision.
 * A repeated request gets the first decision, from the log once there is one.
 * @throws AppError `unknown_sku`, `invalid_request`, `idempotency_key_reused`, `invalid_token`, or `service_unavailable`
 *   when the order is not known to have started; the same request can then be repeated.
 */
export async function requestPlacement(
  deps: PlacementDependencies,
  request: PlacementRequest,
): Promise<PlacementResult> {
  const { input, replayed } = await withIdempotencyKey(deps.store, toIdempotentRequest(deps, request), {
    create: (claim) => createPlacement(deps, request, claim),
    replay: (orderId) => readPlacement(deps, orderId),
  });
  const { id: orderId, customerId } = input.order;
  const order =
    (replayed ? await findStoredDecision(deps, orderId) : null) ??
    (await startAndAwaitDecision(deps, input, { waitMs: request.waitMs, isRepeated: replayed }));
  return { orderId, order, contact: toOrderContact(request.body, orderId, customerId), replayed };
}

function toIdempotentRequest(
  { fingerprintKey }: PlacementDependencies,
  { body, caller, idempotencyKey }: PlacementRequest,
): IdempotentRequest | null {
  if (idempotencyKey === undefined) return null;
  const requestHash = hashRequest(fingerprintKey, body);
  return { caller, operation: 'placement', idempotencyKey, requestHash };
}

/** Prices the order and stores its placement and contact. */
async function createPlacement(
  deps: PlacementDependencies,
  { body, placedBy, customerId: ownerId }: PlacementRequest,
  claim: ClaimIdempotencyKey,
): Promise<{ input: OrderInput }> {
  const { store, queues, policy } = deps;
  const { cart } = await priceCartFromCatalogue(deps, body);
  return store.db.write(async (tx) => {
    const placedAtMs = Date.now();
    const id = newOrderId(placedAtMs);
    const customerId =
      ownerId === null
        ? await store.contacts.findOrCreateCustomer(body.customer.email, newCustomerId(), placedAtMs, tx)
        : await lockActiveCustomer(deps, ownerId, tx);
    await claim(id, tx);
    const input: OrderInput = {
      order: placeOrder(cart, { id, customerId, placedAtMs }),
      placedBy,
      paymentMethod: body.payment.method,
      queues,
      policy,
    };
    await store.placements.add({ orderId: id, input: JSON.stringify(input), createdAtMs: placedAtMs }, tx);
    await store.contacts.addOrderContact(toOrderContact(body, id, customerId), tx);
    return { input };
  });
}

async function readPlacement(
  { store }: PlacementDependencies,
  orderId: string,
): Promise<{ input: OrderInput }> {
  const placement = await store.placements.findByOrder(orderId);
  if (placement === null) throw new Error(`placement of ${orderId} not found`);
  return { input: JSON.parse(placement.input) as OrderInput };
}

/**
 * Locks the customer's contact: an erasure waits for this transaction. A customer erased since the request arrived has no
 * valid session, and an order would store their personal data again.
 * @throws AppError `invalid_token`
 */
async function lockActiveCustomer(
  { store }: PlacementDependencies,
  customerId: string,
  tx: Tx,
): Promise<string> {
  const customer = await store.personalData.lockCustomer(customerId, tx);
  if (customer === undefined || customer.erasedAtMs !== null) throw invalidToken();
  return customerId;
}

const toOrderContact = (
  { customer, shippingAddress }: PlacementRequest['body'],
  orderId: string,
  customerId: string,
): OrderContact => ({
  orderId,
  customerId,
  email: customer.email,
  name: customer.name,
  phone: customer.phone ?? null,
  shippingAddress,
});

import { createHmac } from 'node:crypto';
import { isDuplicate, type Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import type { Address, OrderContact } from '../../db/customers/contacts';
import type { Placement } from '../../db/orders/placements';
import type { Actor, Order } from '../../domain/orders/order';
import { placeOrder } from '../../domain/orders/order-changes';
import { canonicalJson } from '../../domain/shared/canonical-json';
import { AppError } from '../../domain/shared/errors';
import type { OrderPolicy } from '../../domain/shared/policy';
import type { OrderInput } from '../../workflows/orders/messages';
import type { TaskQueues } from '../../workflows/shared/task-queues';
import { invalidToken } from '../auth/auth-errors';
import { newCustomerId, newOrderId } from '../shared/new-ids';
import { type PricingDependencies, priceCartFromCatalogue } from './price-cart';
import { findStoredDecision, type OrderStartDependencies, startAndAwaitDecision } from './start-order';

export interface PlacementDependencies extends PricingDependencies, OrderStartDependencies {
  store: Pick<Store, 'db' | 'log' | 'products' | 'placements' | 'contacts' | 'personalData'>;
  /** Key of the hashes that tell request bodies apart. */
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
  /** Scope of the idempotency key. */
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
 * Places one order: claims the idempotency key, starts the order's workflow, waits for its decision.
 * @throws AppError `unknown_sku`, `invalid_request`, `idempotency_key_reused`, `invalid_token`, or `service_unavailable`
 *   when the order is not known to have started; the same request can then be repeated.
 */
export async function requestPlacement(
  deps: PlacementDependencies,
  request: PlacementRequest,
): Promise<PlacementResult> {
  const bodyHash = createHmac('sha256', deps.fingerprintKey)
    .update(canonicalJson(request.body))
    .digest('hex');
  const earlier = await findExistingPlacement(deps, request);
  if (earlier !== null) return replayPlacement(deps, request, earlier, bodyHash);

  const claimed = await claimPlacement(deps, request, bodyHash);
  if (claimed.earlier) return replayPlacement(deps, request, claimed.placement, bodyHash);
  return resolvePlacement(deps, request, claimed.placement, false);
}

const findExistingPlacement = (
  { store }: PlacementDependencies,
  { caller, idempotencyKey }: PlacementRequest,
) => (idempotencyKey === undefined ? null : store.placements.findByIdempotencyKey(caller, idempotencyKey));

/** Answers a repeated request: from the log once the order is decided, else it waits together with the first request. */
async function replayPlacement(
  deps: PlacementDependencies,
  request: PlacementRequest,
  earlier: Placement,
  bodyHash: string,
): Promise<PlacementResult> {
  if (earlier.bodyHash !== bodyHash) {
    throw new AppError(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another order. Use a new key for a new order.',
    );
  }
  return resolvePlacement(deps, request, earlier, true);
}

async function resolvePlacement(
  deps: PlacementDependencies,
  request: PlacementRequest,
  claimed: Placement,
  replayed: boolean,
): Promise<PlacementResult> {
  const input = JSON.parse(claimed.input) as OrderInput;
  const order =
    (replayed ? await findStoredDecision(deps, claimed.orderId) : null) ??
    (await startAndAwaitDecision(deps, input, request.waitMs));
  return {
    orderId: claimed.orderId,
    order,
    contact: toOrderContact(request.body, claimed.orderId, input.order.customerId),
    replayed,
  };
}

const MAX_CLAIM_ATTEMPTS = 5;

/** Prices the order and stores the placement under its key before the workflow is started. */
async function claimPlacement(
  deps: PlacementDependencies,
  request: PlacementRequest,
  bodyHash: string,
): Promise<{ placement: Placement; earlier: boolean }> {
  const { body, caller, placedBy, idempotencyKey } = request;
  const { store } = deps;
  const { cart } = await priceCartFromCatalogue(deps, body);
  for (let attempt = 1; ; attempt += 1) {
    const placedAtMs = Date.now();
    const id = newOrderId(placedAtMs);
    try {
      const placement = await store.db.write(async (tx): Promise<Placement> => {
        const { email } = body.customer;
        const customerId =
          request.customerId === null
            ? await store.contacts.findOrCreateCustomer(email, newCustomerId(), placedAtMs, tx)
            : await lockActiveCustomer(deps, request.customerId, tx);
        const input: OrderInput = {
          order: placeOrder(cart, { id, customerId, placedAtMs }),
          placedBy,
          paymentMethod: body.payment.method,
          queues: deps.queues,
          policy: deps.policy,
        };
        const claimed = {
          orderId: id,
          caller,
          idempotencyKey: idempotencyKey ?? null,
          bodyHash,
          input: JSON.stringify(input),
          createdAtMs: placedAtMs,
        };
        await store.placements.claim(claimed, tx);
        await store.contacts.addOrderContact(toOrderContact(body, id, customerId), tx);
        return claimed;
      });
      return { placement, earlier: false };
    } catch (error) {
      if (!isDuplicate(error) || attempt === MAX_CLAIM_ATTEMPTS) throw error;
    }
    // A concurrent request used this key first, or created this customer.
    const earlier = await findExistingPlacement(deps, request);
    if (earlier !== null) return { placement: earlier, earlier: true };
  }
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

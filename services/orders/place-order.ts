import { createHmac } from 'node:crypto';
import { WithStartWorkflowOperation, type WorkflowStartOptions } from '@temporalio/client';
import { invalidToken } from '../../api/http/auth';
import type { ApiContext } from '../../api/http/context';
import { serviceUnavailable } from '../../api/http/problems';
import type { PlaceOrderRequest } from '../../api/orders/schemas';
import { isDuplicate, type Tx } from '../../db/core/connect';
import type { OrderContact } from '../../db/customers/contacts';
import type { Placement } from '../../db/orders/placements';
import type { Actor, Order } from '../../domain/orders/order';
import { placeOrder } from '../../domain/orders/order-changes';
import { decisionEventKeys, type OrderSnapshot } from '../../domain/orders/order-events';
import { canonicalJson } from '../../domain/shared/canonical-json';
import { AppError } from '../../domain/shared/errors';
import type { CloudEvent } from '../../domain/shared/events';
import { toOrderStartOptions } from '../../integrations/temporal/order-start-options';
import { ORDER_WORKFLOW, type OrderInput, PLACEMENT_UPDATE_ID, placement } from '../../workflows/messages';
import { newCustomerId } from '../auth/new-ids';
import { newOrderId } from './new-ids';
import { priceCartFromCatalogue } from './price-cart';

export interface PlacementRequest {
  body: PlaceOrderRequest;
  /** Whose idempotency keys these are. */
  caller: string;
  placedBy: Actor;
  /** Whose order it becomes; null: the customer's with the address of mail. */
  customerId: string | null;
  idempotencyKey: string | undefined;
  requestId: string;
  /** Milliseconds to wait for the decision; 0 not at all. */
  waitMs: number;
}

export interface PlacementResult {
  orderId: string;
  /** As it was when it was decided; null while it is not. */
  order: Order | null;
  contact: OrderContact;
  /** The key had been used before, with this body. */
  replayed: boolean;
}

/**
 * Places one order: claims the key, starts the order's workflow, waits for its decision.
 * @throws Failure `unknown_sku`, `invalid_request`, `idempotency_key_reused`, `invalid_token`, or `service_unavailable` when the order is
 *   not known to have been started; the same request can then be repeated.
 */
export async function requestPlacement(ctx: ApiContext, request: PlacementRequest): Promise<PlacementResult> {
  const bodyHash = createHmac('sha256', ctx.fingerprintKey).update(canonicalJson(request.body)).digest('hex');
  const earlier = await findExistingPlacement(ctx, request);
  if (earlier !== null) return replayPlacement(ctx, request, earlier, bodyHash);

  const claimed = await claimPlacement(ctx, request, bodyHash);
  if (claimed.earlier) return replayPlacement(ctx, request, claimed.placement, bodyHash);
  return resolvePlacement(ctx, request, claimed.placement, false);
}

const findExistingPlacement = ({ store }: ApiContext, { caller, idempotencyKey }: PlacementRequest) =>
  idempotencyKey === undefined ? null : store.placements.findByIdempotencyKey(caller, idempotencyKey);

/** The answer to the same request made before: from SQL once it is decided, else together with the first. */
async function replayPlacement(
  ctx: ApiContext,
  request: PlacementRequest,
  earlier: Placement,
  bodyHash: string,
): Promise<PlacementResult> {
  if (earlier.bodyHash !== bodyHash) {
    throw new AppError(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another order. A new order needs a new key.',
    );
  }
  return resolvePlacement(ctx, request, earlier, true);
}

async function resolvePlacement(
  ctx: ApiContext,
  request: PlacementRequest,
  claimed: Placement,
  replayed: boolean,
): Promise<PlacementResult> {
  const input = JSON.parse(claimed.input) as OrderInput;
  const order =
    (replayed ? await findStoredDecision(ctx, claimed.orderId) : null) ??
    (await startAndAwaitDecision(ctx, input, request.waitMs));
  return {
    orderId: claimed.orderId,
    order,
    contact: toOrderContact(request.body, claimed.orderId, input.order.customerId),
    replayed,
  };
}

/** The order as the log has it from when it was decided. */
async function findStoredDecision({ store }: ApiContext, orderId: string): Promise<Order | null> {
  const rows = await store.log.findByKeys(decisionEventKeys(orderId));
  const first = rows.sort((a, b) => a.seq - b.seq)[0];
  if (first === undefined) return null;
  const { time, data } = JSON.parse(first.body) as CloudEvent;
  return { ...(data.order as OrderSnapshot), updatedAtMs: Date.parse(time) };
}

const MAX_CLAIM_ATTEMPTS = 5;

/** Prices the order and writes down what is promised for the key, before anything is done. */
async function claimPlacement(
  ctx: ApiContext,
  request: PlacementRequest,
  bodyHash: string,
): Promise<{ placement: Placement; earlier: boolean }> {
  const { body, caller, placedBy, idempotencyKey, requestId } = request;
  const { store } = ctx;
  const { cart } = await priceCartFromCatalogue(ctx, body);
  for (let tries = 1; ; tries += 1) {
    const placedAtMs = Date.now();
    const id = newOrderId(placedAtMs);
    try {
      const placement = await store.db.write(async (tx): Promise<Placement> => {
        const { email } = body.customer;
        const customerId =
          request.customerId === null
            ? await store.contacts.findOrCreateCustomer(email, newCustomerId(), placedAtMs, tx)
            : await lockActiveCustomer(ctx, request.customerId, tx);
        const input: OrderInput = {
          order: placeOrder(cart, { id, customerId, placedAtMs }),
          placedBy,
          paymentMethod: body.payment.method,
          queues: ctx.queues,
          policy: ctx.policy,
          requestId,
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
      if (!isDuplicate(error) || tries === MAX_CLAIM_ATTEMPTS) throw error;
    }
    // Another request was first with this key, or made this customer in the same moment.
    const earlier = await findExistingPlacement(ctx, request);
    if (earlier !== null) return { placement: earlier, earlier: true };
  }
}

/**
 * The customer, whom nobody erases while this transaction lasts. Who was erased since the request came in has no session
 * any more, and an order would bring back what was to be forgotten.
 * @throws Failure `invalid_token`
 */
async function lockActiveCustomer({ store }: ApiContext, customerId: string, tx: Tx): Promise<string> {
  const customer = await store.personalData.lockCustomer(customerId, tx);
  if (customer === undefined || customer.erasedAtMs !== null) throw invalidToken();
  return customerId;
}

const toOrderContact = (body: PlaceOrderRequest, orderId: string, customerId: string): OrderContact => ({
  orderId,
  customerId,
  email: body.customer.email,
  name: body.customer.name,
  phone: body.customer.phone ?? null,
  shippingAddress: body.shippingAddress,
});

/** Temporal may have taken the start and not have been able to say so. */
const START_UNKNOWN_DETAIL =
  'It is not known whether the order was taken. Sent again with the same Idempotency-Key, the request comes to the same order; without one it would be another.';
/** Who does not wait for the decision waits this long at most for the start. */
const START_TIMEOUT_MS = 5_000;

/**
 * Starts the order's workflow unless it runs, and waits for its decision.
 * @returns null when it runs but is not decided within `waitMs`.
 */
async function startAndAwaitDecision(
  ctx: ApiContext,
  input: OrderInput,
  waitMs: number,
): Promise<Order | null> {
  const { workflow } = ctx.temporal;
  const { id } = input.order;
  const options = buildStartOptions(input);
  try {
    if (waitMs <= 0) {
      await ctx.temporal.withDeadline(Date.now() + START_TIMEOUT_MS, () =>
        workflow.start(ORDER_WORKFLOW, options),
      );
      return null;
    }
    return await withShutdownSignal(ctx, () =>
      ctx.temporal.withDeadline(Date.now() + waitMs, () =>
        workflow.executeUpdateWithStart(placement, {
          updateId: PLACEMENT_UPDATE_ID,
          startWorkflowOperation: new WithStartWorkflowOperation(ORDER_WORKFLOW, options),
        }),
      ),
    );
  } catch (error) {
    // Closed, away, or slow: what SQL and the server know decides what can be said.
    const decided = await findStoredDecision(ctx, id).catch(() => null);
    if (decided !== null) return decided;
    if (await isWorkflowStarted(ctx, id)) return null;
    throw serviceUnavailable(error, START_UNKNOWN_DETAIL);
  }
}

/** Runs calls to Temporal that end when whoever waits is to be answered. The client never lets go of a signal it is given. */
async function withShutdownSignal<T>(
  { temporal, shutdownSignal }: ApiContext,
  calls: () => Promise<T>,
): Promise<T> {
  const ours = new AbortController();
  const giveUp = () => ours.abort();
  shutdownSignal.addEventListener('abort', giveUp);
  if (shutdownSignal.aborted) giveUp();
  try {
    return await temporal.withAbortSignal(ours.signal, calls);
  } finally {
    shutdownSignal.removeEventListener('abort', giveUp);
  }
}

const buildStartOptions = (input: OrderInput) =>
  ({
    ...toOrderStartOptions(input),
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
  }) satisfies WorkflowStartOptions & { workflowIdConflictPolicy: 'USE_EXISTING' };

async function isWorkflowStarted({ temporal }: ApiContext, id: string): Promise<boolean> {
  try {
    await temporal.withDeadline(Date.now() + 3_000, () => temporal.workflow.getHandle(id).describe());
    return true;
  } catch {
    return false;
  }
}

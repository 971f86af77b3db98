import { allHandlersFinished, CancellationScope, condition, setHandler } from '@temporalio/workflow';
import { isClosed } from '../../domain/orders/order';
import { cancelOrder } from './cancel-order';
import { Inbox } from './inbox';
import { type Command, getOrder, type OrderInput, type OrderResult, placement } from './messages';
import { OrderState } from './order-state';
import { placeOrder } from './place-order';

/** What an order does on each command. One file each. */
const HANDLERS: Record<Command['action'], (state: OrderState, command: Command) => Promise<void>> = {
  cancel: cancelOrder,
};

/**
 * One order from placement to close: placed (stock reserved, payment captured, confirmed or rejected), then changed by
 * commands until it is closed. An order that closes as `rejected` or `cancelled` is fully compensated.
 *
 * Its first step reads the stored order: a run that was started again resumes there, and that is the only way to resume.
 * @throws ApplicationFailure `StaleRun` when the stored order is ahead of this run, which happens after a reset.
 *   Reconciliation then starts a new run.
 */
export async function order(input: OrderInput): Promise<OrderResult> {
  const state = new OrderState(input);
  const inbox = new Inbox(state);
  setHandler(getOrder, () => state.order);
  setHandler(placement, () => CancellationScope.nonCancellable(() => state.waitForDecision()));

  // Temporal's own cancel is a command like any other: it interrupts no step.
  return CancellationScope.nonCancellable(async () => {
    await placeOrder(state, inbox);
    while (!isClosed(state.order.status)) {
      const command = await inbox.next();
      await HANDLERS[command.action](state, command);
    }
    await inbox.recordRefusals();
    await condition(allHandlersFinished);
    return { status: state.order.status };
  });
}

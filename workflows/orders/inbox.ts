import { CancellationScope, condition, setHandler } from '@temporalio/workflow';
import type { Actor } from '../../domain/orders/order';
import { createTemporalCancellation, parseCancelRequest } from '../../domain/orders/order-changes';
import { can } from '../../domain/orders/transitions';
import { type Command, cancelOrder } from './messages';
import { type OrderState, orderActivities } from './order-state';

/**
 * The queue of commands, handled one at a time. A command that the order's state does not allow is refused when it
 * arrives, and its refusal is recorded; a repeated one changes nothing.
 */
export class Inbox {
  private readonly commands: Command[];
  private closedBecause: string | undefined;
  private readonly refusals = new Map<Actor['kind'], number>();
  private refusalsWritten: Promise<unknown> = Promise.resolve();

  /** Must be created in the root scope of the workflow, before the first await. */
  constructor(private readonly state: OrderState) {
    this.commands = [...(state.input.commands ?? [])];
    setHandler(cancelOrder, (payload) =>
      this.post({ action: 'cancel', request: parseCancelRequest(payload, Date.now()) }),
    );
    CancellationScope.current().cancelRequested.catch(() =>
      CancellationScope.nonCancellable(async () =>
        this.post({ action: 'cancel', request: createTemporalCancellation(Date.now()) }),
      ),
    );
  }

  /** Adds a command if the order allows it. Signals, validated updates and timers of deadlines post here. */
  post(command: Command): void {
    const { order } = this.state;
    const isRepeated = command.action === 'cancel' && order.cancellation !== null;
    if (isRepeated || this.find(command.action) !== undefined) return;
    const permission = can(order, command.action, command.request.requestedBy);
    const reason = this.closedBecause ?? (permission.allowed ? undefined : permission.reason);
    if (reason === undefined) this.commands.push(command);
    else this.refuse(command, reason);
  }

  /** The first waiting command of an action; it stays in the queue. */
  find(action: Command['action']): Command | undefined {
    return this.commands.find((command) => command.action === action);
  }

  /** Refuses all later commands with `reason`. */
  close(reason: string): void {
    this.closedBecause = reason;
  }

  /** Removes and returns the next command. @throws ContinueAsNew before the history becomes too long. */
  async next(): Promise<Command> {
    // A cancellation that an earlier run started is completed first.
    const { status, cancellation } = this.state.order;
    if (status === 'cancelling' && cancellation !== null) {
      this.commands.length = 0;
      return { action: 'cancel', request: cancellation };
    }
    await this.state.continueAsNewIfSuggested(this.commands);
    if (this.commands.length === 0) this.state.assertCurrent();
    await condition(() => this.commands.length > 0);
    return this.commands.shift() as Command;
  }

  /** Waits until all refusals are recorded. */
  async recordRefusals(): Promise<void> {
    let awaited: Promise<unknown>;
    do {
      awaited = this.refusalsWritten;
      await awaited;
    } while (awaited !== this.refusalsWritten);
  }

  private refuse({ request }: Command, reason: string): void {
    const { kind } = request.requestedBy;
    const sequence = (this.refusals.get(kind) ?? 0) + 1;
    this.refusals.set(kind, sequence);
    const order = { ...this.state.order, updatedAtMs: request.requestedAtMs };
    this.refusalsWritten = this.refusalsWritten.then(() =>
      CancellationScope.nonCancellable(() =>
        this.state.persist('record a rejected cancellation', () =>
          orderActivities.recordCancellationRejection({ order, request, sequence, reason }),
        ),
      ),
    );
  }
}

import type { PaymentProvider } from '../../../domain/payments/provider';
import { type Gate, gate } from './gate';

type Held = 'createIntent' | 'authorize' | 'void' | 'refund';

interface Hold {
  call: Held;
  orderId: string;
  /** Before the provider hears of it, or when it has acted and its answer is on the way. */
  at: 'before' | 'after';
  reached: Gate;
  held: Gate;
}

export interface HeldCall {
  /** Resolves when the call is there. */
  reached: Promise<void>;
  release: () => void;
}

/** Holds single calls to the payment provider up, so that a test decides what happens meanwhile. */
export class HeldCalls {
  private readonly holds = new Set<Hold>();

  /** The next such call for that order waits until it is released. */
  hold(orderId: string, call: Held, at: Hold['at'] = 'before'): HeldCall {
    const [reached, held] = [gate(), gate()];
    this.holds.add({ call, orderId, at, reached, held });
    return { reached: reached.opened, release: held.open };
  }

  readonly wrap = (real: PaymentProvider): PaymentProvider => ({
    ...real,
    createIntent: (request) => this.pass('createIntent', request.key, () => real.createIntent(request)),
    authorize: (request) => this.pass('authorize', request.key, () => real.authorize(request)),
    void: (request) => this.pass('void', request.key, () => real.void(request)),
    refund: (request) => this.pass('refund', request.key, () => real.refund(request)),
  });

  private async pass<T>(call: Held, key: string, act: () => Promise<T>): Promise<T> {
    await this.wait(call, key, 'before');
    const answer = await act();
    await this.wait(call, key, 'after');
    return answer;
  }

  private async wait(call: Held, key: string, at: Hold['at']): Promise<void> {
    for (const hold of this.holds) {
      if (hold.call !== call || hold.at !== at || !key.startsWith(`${hold.orderId}:`)) continue;
      this.holds.delete(hold);
      hold.reached.open();
      await hold.held.opened;
    }
  }
}

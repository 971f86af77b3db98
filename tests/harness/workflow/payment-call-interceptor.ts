import type { PaymentProvider } from '../../../domain/payments/provider';
import { createGate, type Gate } from './gate';

type InterceptedCall = 'createIntent' | 'authorize' | 'void' | 'refund';

interface PausePoint {
  call: InterceptedCall;
  orderId: string;
  /** Before the provider hears of it, or when it has acted and its answer is on the way. */
  at: 'before' | 'after';
  reached: Gate;
  resumed: Gate;
}

export interface PausedCall {
  /** Resolves when the call is there. */
  reached: Promise<void>;
  resume: () => void;
}

/** Holds single calls to the payment provider up, so that a test decides what happens meanwhile. */
export class PaymentCallInterceptor {
  private readonly pausePoints = new Set<PausePoint>();

  /** The next such call for that order waits until it is released. */
  pause(orderId: string, call: InterceptedCall, at: PausePoint['at'] = 'before'): PausedCall {
    const [reached, held] = [createGate(), createGate()];
    this.pausePoints.add({ call, orderId, at, reached, resumed: held });
    return { reached: reached.opened, resume: held.open };
  }

  readonly wrapProvider = (real: PaymentProvider): PaymentProvider => ({
    ...real,
    createIntent: (request) => this.intercept('createIntent', request.key, () => real.createIntent(request)),
    authorize: (request) => this.intercept('authorize', request.key, () => real.authorize(request)),
    void: (request) => this.intercept('void', request.key, () => real.void(request)),
    refund: (request) => this.intercept('refund', request.key, () => real.refund(request)),
  });

  private async intercept<T>(call: InterceptedCall, key: string, act: () => Promise<T>): Promise<T> {
    await this.waitIfPaused(call, key, 'before');
    const answer = await act();
    await this.waitIfPaused(call, key, 'after');
    return answer;
  }

  private async waitIfPaused(call: InterceptedCall, key: string, at: PausePoint['at']): Promise<void> {
    for (const hold of this.pausePoints) {
      if (hold.call !== call || hold.at !== at || !key.startsWith(`${hold.orderId}:`)) continue;
      this.pausePoints.delete(hold);
      hold.reached.open();
      await hold.resumed.opened;
    }
  }
}

import type { PaymentProvider } from '../../../domain/payments/provider';
import { createGate, type Gate } from './gate';

type InterceptedCall = 'createIntent' | 'authorize' | 'void' | 'refund';

interface PausePoint {
  call: InterceptedCall;
  orderId: string;
  /** Before the request is sent, or after the provider has processed it and before its response is returned. */
  at: 'before' | 'after';
  reached: Gate;
  resumed: Gate;
}

export interface PausedCall {
  /** Resolves when the call reaches the pause point. */
  reached: Promise<void>;
  resume: () => void;
}

/** Pauses single calls to the payment provider while a test acts. */
export class PaymentCallInterceptor {
  private readonly pausePoints = new Set<PausePoint>();
  private readonly pausedCalls = new Set<PausedCall>();

  /** Pauses the next such call for that order until `resume`. */
  pause(orderId: string, call: InterceptedCall, at: PausePoint['at'] = 'before'): PausedCall {
    const [reached, resumed] = [createGate(), createGate()];
    this.pausePoints.add({ call, orderId, at, reached, resumed });
    const pausedCall = { reached: reached.opened, resume: resumed.open };
    this.pausedCalls.add(pausedCall);
    return pausedCall;
  }

  /** For `afterEach`: a call that a failed test left paused would block the shutdown of its worker. */
  resumeAll(): void {
    for (const { resume } of this.pausedCalls) resume();
    this.pausePoints.clear();
    this.pausedCalls.clear();
  }

  readonly wrapProvider = (real: PaymentProvider): PaymentProvider => ({
    ...real,
    createIntent: (request) => this.intercept('createIntent', request.key, () => real.createIntent(request)),
    authorize: (request) => this.intercept('authorize', request.key, () => real.authorize(request)),
    void: (request) => this.intercept('void', request.key, () => real.void(request)),
    refund: (request) => this.intercept('refund', request.key, () => real.refund(request)),
  });

  private async intercept<T>(call: InterceptedCall, key: string, send: () => Promise<T>): Promise<T> {
    await this.waitIfPaused(call, key, 'before');
    const response = await send();
    await this.waitIfPaused(call, key, 'after');
    return response;
  }

  private async waitIfPaused(call: InterceptedCall, key: string, at: PausePoint['at']): Promise<void> {
    for (const pausePoint of this.pausePoints) {
      if (pausePoint.call !== call || pausePoint.at !== at) continue;
      if (!key.startsWith(`${pausePoint.orderId}:`)) continue;
      this.pausePoints.delete(pausePoint);
      pausePoint.reached.open();
      await pausePoint.resumed.opened;
    }
  }
}

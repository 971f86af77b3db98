import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minOrderIdAt } from '../../../domain/shared/ids';

interface ArmedPoint {
  point: FaultPoint;
  atMs: number;
}

/** Of everybody who is made admin. */
export const STAFF_PASSWORD = 'who runs the shop';

const NEW_ORDERS_ONLY_MS = 20_000;

/** A moment right before or right after an activity or a transaction: `activity confirmOrder after`. */
export type FaultPoint = `${string} ${'before' | 'after'}`;

/**
 * Files between a test and the process that it kills: the point at which the process is to die, the points that it has
 * reached, how long new orders may be paid, and who is made admin when it starts.
 */
export class FaultPointSwitch {
  private readonly armedFile: string;
  private readonly reachedFile: string;
  private readonly deadlineFile: string;
  private readonly staffFile: string;

  constructor(dir: string) {
    this.armedFile = join(dir, 'armed');
    this.reachedFile = join(dir, 'reached');
    this.deadlineFile = join(dir, 'payment-deadline');
    this.staffFile = join(dir, 'staff');
  }

  /** To be called by the test before the process is started. */
  reset(): void {
    this.disarm();
    writeFileSync(this.reachedFile, '');
  }

  /**
   * The process dies the next time it reaches the point. For a while that must be the work of an order that is placed from
   * now on: those that an earlier kill has hit come to the point again, too.
   */
  arm(point: FaultPoint): void {
    const armed: ArmedPoint = { point, atMs: Date.now() };
    writeFileSync(this.armedFile, JSON.stringify(armed));
  }

  disarm(): void {
    writeFileSync(this.armedFile, '');
  }

  get paymentDeadlineMs(): number {
    return Number(readFileSync(this.deadlineFile, 'utf8'));
  }

  /** For orders that are placed from now on. */
  set paymentDeadlineMs(ms: number) {
    writeFileSync(this.deadlineFile, String(ms));
  }

  /** Whoever is added here has the account of an admin when the process has started the next time. */
  addStaff(email: string): void {
    appendFileSync(this.staffFile, `${email}\n`);
  }

  listStaff(): string[] {
    return existsSync(this.staffFile) ? readFileSync(this.staffFile, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** Since the last reset, in their order. */
  listReached(): FaultPoint[] {
    return readFileSync(this.reachedFile, 'utf8').split('\n').slice(0, -1) as FaultPoint[];
  }

  /**
   * The process is at this point. Does not return when it was to die here.
   * @param orderIds whose work it is; none where it is nobody's.
   */
  reach(point: FaultPoint, orderIds: readonly string[]): void {
    appendFileSync(this.reachedFile, `${point}\n`);
    const text = readFileSync(this.armedFile, 'utf8');
    if (text === '') return;
    const armed = JSON.parse(text) as ArmedPoint;
    if (armed.point !== point) return;
    const first = minOrderIdAt(armed.atMs);
    const areOld = orderIds.length > 0 && orderIds.every((id) => id < first);
    if (areOld && Date.now() < armed.atMs + NEW_ORDERS_ONLY_MS) return;
    process.kill(process.pid, 'SIGKILL');
  }
}

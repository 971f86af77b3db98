import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minOrderIdAt } from '../../../domain/shared/ids';

/** What happens to the process at the armed point: SIGKILL, or SIGSTOP until the test sends SIGCONT. */
export type FaultAction = 'kill' | 'pause';

interface ArmedPoint {
  point: FaultPoint;
  action: FaultAction;
  /** Operations that wait at the point for each other. */
  operations: number;
  atMs: number;
}

/** Password of every admin account. */
export const STAFF_PASSWORD = 'password of the staff';

const NEW_ORDERS_ONLY_MS = 20_000;
/** How long operations wait for the others: less than the time limit of a local activity. */
const GATHER_TIMEOUT_MS = 3_000;

/** The operation that starts an order's workflow. */
export const ORDER_START = 'start of the order workflow';

/** The moment before or after an activity, a transaction or the start of an order: `activity confirmOrder after`. */
export type FaultPoint = `${string} ${'before' | 'after'}`;

/**
 * Files shared by a test and the process that it kills or pauses: the armed point, the reached points, the payment deadline of new
 * orders, the activity whose transactions fail, and the email addresses of the admin accounts to create at the next start.
 */
export class FaultPointSwitch {
  private readonly armedFile: string;
  private readonly reachedFile: string;
  private readonly deadlineFile: string;
  private readonly failingWritesFile: string;
  private readonly staffFile: string;
  /** In the process: the operations that wait at the armed point. */
  private readonly waiting: (() => void)[] = [];
  private gatherTimer: NodeJS.Timeout | undefined;

  constructor(dir: string) {
    this.armedFile = join(dir, 'armed');
    this.reachedFile = join(dir, 'reached');
    this.deadlineFile = join(dir, 'payment-deadline');
    this.failingWritesFile = join(dir, 'failing-writes');
    this.staffFile = join(dir, 'staff');
  }

  /** Clears the armed and the reached points; call it before the process starts. */
  reset(): void {
    this.disarm();
    writeFileSync(this.reachedFile, '');
  }

  /**
   * Kills or pauses the process once when `operations` have reached the point, or some after a timeout. For a while, work
   * of earlier orders is ignored: scenarios that an earlier kill interrupted reach the point, too.
   */
  arm(point: FaultPoint, action: FaultAction = 'kill', operations = 1): void {
    const armed: ArmedPoint = { point, action, operations, atMs: Date.now() };
    writeFileSync(this.armedFile, JSON.stringify(armed));
  }

  /** False after `disarm`, and once the process has reached the armed point. */
  get isArmed(): boolean {
    return readFileSync(this.armedFile, 'utf8') !== '';
  }

  disarm(): void {
    writeFileSync(this.armedFile, '');
  }

  get paymentDeadlineMs(): number {
    return Number(readFileSync(this.deadlineFile, 'utf8'));
  }

  /** Applies to new orders. */
  set paymentDeadlineMs(ms: number) {
    writeFileSync(this.deadlineFile, String(ms));
  }

  /** Name of the activity whose transactions fail; empty for none. */
  get activityWithFailingWrites(): string {
    return existsSync(this.failingWritesFile) ? readFileSync(this.failingWritesFile, 'utf8') : '';
  }

  set activityWithFailingWrites(name: string) {
    writeFileSync(this.failingWritesFile, name);
  }

  /** Creates an admin account at the next start of the process. */
  addStaff(email: string): void {
    appendFileSync(this.staffFile, `${email}\n`);
  }

  listStaff(): string[] {
    return existsSync(this.staffFile) ? readFileSync(this.staffFile, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** Points since the last reset, in order. */
  listReached(): FaultPoint[] {
    return readFileSync(this.reachedFile, 'utf8').split('\n').slice(0, -1) as FaultPoint[];
  }

  /**
   * Records the point, and kills or pauses the process when the point is armed.
   * @param orderIds the orders of the current activity, if any.
   */
  async reach(point: FaultPoint, orderIds: readonly string[]): Promise<void> {
    appendFileSync(this.reachedFile, `${point}\n`);
    const text = readFileSync(this.armedFile, 'utf8');
    if (text === '') return;
    const armed = JSON.parse(text) as ArmedPoint;
    if (armed.point !== point) return;
    const firstNewId = minOrderIdAt(armed.atMs);
    const isEarlierWork = orderIds.length > 0 && orderIds.every((id) => id < firstNewId);
    if (isEarlierWork && Date.now() < armed.atMs + NEW_ORDERS_ONLY_MS) return;
    await new Promise<void>((resolve) => {
      this.waiting.push(resolve);
      if (this.waiting.length >= armed.operations) return this.interrupt(armed.action);
      this.gatherTimer ??= setTimeout(() => this.interrupt(armed.action), GATHER_TIMEOUT_MS);
    });
  }

  /** A stopped process writes nothing, so the point is disarmed first. */
  private interrupt(action: FaultAction): void {
    clearTimeout(this.gatherTimer);
    this.gatherTimer = undefined;
    if (this.isArmed) {
      this.disarm();
      process.kill(process.pid, action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    }
    for (const resume of this.waiting.splice(0)) resume();
  }
}

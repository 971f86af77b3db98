import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { ulid } from 'ulid';
import type { Order } from '../../../api/orders/schemas';
import { cancelOrder, getOrder } from '../../../workflows/orders/messages';
import { eventually } from '../../harness/eventually';
import type { HttpResponse } from '../../harness/http/http-client';
import { buildOrderRequest } from '../../system/orders/orders';
import type { CancelWay } from './interruption-cases';
import type { ReplicatedTestEnv } from './replicated-test-env';

/** An impatient client repeats its request at the other process. */
const PATIENCE_MS = 5_000;
const RETRY_MS = 100;
const ORDER_TIMEOUT_MS = 60_000;
/** Several timeouts of Temporal, one after the other, on a busy machine. */
const SETTLE_TIMEOUT_MS = 180_000;

export interface CheckedOrder {
  status: string;
  /** Processes that received a task of the order. */
  processCount: number;
  problems: string[];
}

type PlacementBody = Partial<Order> & { orderId?: string };

/** A customer whose order is interrupted, and who cancels it meanwhile. */
export class InterruptedCustomer {
  orderId = '';
  private answeredId: string | undefined;
  private readonly idempotencyKey = ulid();
  private readonly body = buildOrderRequest();

  constructor(
    private readonly testEnv: ReplicatedTestEnv,
    readonly cancelWay: CancelWay,
  ) {}

  private get expectedStatus(): Order['status'] {
    return this.cancelWay === 'none' ? 'confirmed' : 'cancelled';
  }

  /** Sends the placement to the process that is interrupted, then to the other one until it is answered. */
  async placeOrder(): Promise<void> {
    const { interrupted, other } = this.testEnv;
    // Two customers wait for the paused process, two repeat the request meanwhile.
    const isImpatient = this.cancelWay === 'none' || this.cancelWay === 'signal';
    const first = await this.sendPlacement(interrupted.url, isImpatient ? PATIENCE_MS : undefined).catch(
      () => null,
    );
    const isFirstAnswered = first !== null && isAnswered(first);
    const { body } = isFirstAnswered ? first : await this.repeatPlacement(other.url);
    this.answeredId = body.id ?? body.orderId;
  }

  /** Cancels the order as soon as its id is stored; repeats the request until it is accepted. */
  async cancelOrder(): Promise<void> {
    this.orderId = await eventually(
      'a claimed idempotency key',
      () => this.testEnv.findOrderId(this.idempotencyKey),
      ORDER_TIMEOUT_MS,
    );
    if (this.cancelWay === 'none') return;
    const deadlineMs = performance.now() + ORDER_TIMEOUT_MS;
    while (!(await this.tryToCancel(this.cancelWay))) {
      if (performance.now() > deadlineMs) throw new Error('the cancellation is not accepted');
      await delay(RETRY_MS);
    }
  }

  /** Waits until the final status is stored, also by the process that takes over. */
  async waitForFinalStatus(): Promise<void> {
    const { testEnv, orderId, expectedStatus } = this;
    await eventually(
      `${orderId} ${expectedStatus}`,
      async () => (await testEnv.findStatus(orderId)) === expectedStatus,
      SETTLE_TIMEOUT_MS,
    );
  }

  /** After `waitForFinalStatus`: compares API, workflow, provider and repeated placements. */
  async check(): Promise<CheckedOrder> {
    const problems: string[] = [];
    let processCount = 0;
    const { testEnv, orderId, expectedStatus } = this;
    let order: Order | undefined;
    try {
      await eventually(
        `${orderId} ${expectedStatus}`,
        async () => {
          order = (await testEnv.request<Order>(`${testEnv.other.url}/api/orders/${orderId}`)).body;
          return order.status === expectedStatus && order.attention === null;
        },
        SETTLE_TIMEOUT_MS,
      );
      await this.checkOrder(order as Order, (problem) => problems.push(problem));
      processCount = await this.checkHistory((problem) => problems.push(problem));
    } catch (error) {
      problems.push(String(error));
    }
    return { status: order?.status ?? 'unknown', processCount, problems };
  }

  private async checkOrder(order: Order, report: (problem: string) => void): Promise<void> {
    const { testEnv, orderId, expectedStatus } = this;
    if (this.answeredId !== orderId) report(`the placement returned ${this.answeredId}`);
    const intents = await testEnv.system.listIntents(orderId);
    const netMinor = intents.reduce((sum, each) => sum + each.amount_captured - each.amount_refunded, 0);
    if (intents.length > 1) report(`${intents.length} payment intents`);
    if (netMinor !== (expectedStatus === 'confirmed' ? order.total.amount : 0))
      report(`${netMinor} at the provider`);

    const workflow = testEnv.getWorkflow(orderId);
    const expectedState = expectedStatus === 'confirmed' ? 'RUNNING' : 'COMPLETED';
    await eventually(
      `workflow ${orderId} ${expectedState}`,
      async () => (await workflow.describe()).status.name === expectedState,
    );
    if (expectedStatus === 'confirmed') {
      await eventually(
        `the workflow of ${orderId} ${expectedStatus}`,
        async () => (await workflow.query(getOrder)).status === expectedStatus,
      );
    }
    for (const url of testEnv.urls) {
      const strong = await testEnv.request<Order>(`${url}/api/orders/${orderId}?consistency=strong`);
      if (strong.body.status !== expectedStatus) report(`a strong read returns ${strong.body.status}`);
      const { status, body } = await this.repeatPlacement(url);
      const id = body.id ?? body.orderId;
      if (status !== 201 || id !== orderId) report(`the repeated placement returns ${status} ${id}`);
    }
  }

  /** @returns the number of processes in the history. */
  private async checkHistory(report: (problem: string) => void): Promise<number> {
    const { events } = await this.testEnv.getWorkflow(this.orderId).fetchHistory();
    const identities = new Set<string>();
    for (const event of events ?? []) {
      if (isDefect(event.workflowTaskFailedEventAttributes))
        report(`workflow task failed: ${event.workflowTaskFailedEventAttributes?.failure?.message}`);
      const started =
        event.workflowTaskStartedEventAttributes ?? event.activityTaskStartedEventAttributes ?? undefined;
      if (started?.identity) identities.add(started.identity);
    }
    return identities.size;
  }

  private sendPlacement(url: string, timeoutMs?: number): Promise<HttpResponse<PlacementBody>> {
    return this.testEnv.request<PlacementBody>(`${url}/api/orders`, {
      body: this.body,
      headers: { 'idempotency-key': this.idempotencyKey, prefer: 'wait=20' },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  private repeatPlacement(url: string): Promise<HttpResponse<PlacementBody>> {
    return eventually('an answered placement', async () => {
      const response = await this.sendPlacement(url);
      if (isAnswered(response)) return response;
      throw new Error(`${response.status} ${response.text}`);
    });
  }

  /** @returns false if it must be repeated. */
  private async tryToCancel(way: Exclude<CancelWay, 'none'>): Promise<boolean> {
    const workflow = this.testEnv.getWorkflow(this.orderId);
    try {
      if (way === 'signal') await workflow.signal(cancelOrder);
      else if (way === 'temporal') await workflow.cancel();
      else return await this.cancelByRest();
      return true;
    } catch (error) {
      // The workflow is not started yet.
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  }

  private async cancelByRest(): Promise<boolean> {
    const url = `${this.testEnv.other.url}/api/orders/${this.orderId}/cancel`;
    const response = await this.testEnv.request(url, { method: 'POST', body: {} }).catch(() => null);
    // The order is not stored yet, or the process is down.
    if (response === null || response.status === 404 || response.status === 503) return false;
    if (response.status !== 200 && response.status !== 202)
      throw new Error(`cancel returned ${response.status} ${response.text}`);
    return true;
  }
}

const isAnswered = ({ status }: HttpResponse<unknown>): boolean => [201, 202, 402, 409].includes(status);

const { WorkflowTaskFailedCause } = temporal.api.enums.v1;

/** Nondeterminism, or an exception in the workflow code. A pause in its middle exceeds the SDK's limit of 5 s. */
function isDefect(
  failed: temporal.api.history.v1.IWorkflowTaskFailedEventAttributes | null | undefined,
): boolean {
  const isPaused = failed?.failure?.message?.startsWith('Script execution timed out') ?? false;
  return (
    failed?.cause === WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR ||
    (failed?.cause === WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE &&
      !isPaused)
  );
}

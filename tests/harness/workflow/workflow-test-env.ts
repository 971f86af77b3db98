import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection, WithStartWorkflowOperation, type WorkflowHandle } from '@temporalio/client';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { pino } from 'pino';
import { ulid } from 'ulid';
import { createOrderActivities } from '../../../activities/orders';
import { createPaymentActivities, type PaymentActivities } from '../../../activities/payments';
import { type RunningSimulator, startSimulator } from '../../../dev/payment-simulator/start';
import type { Order } from '../../../domain/orders/order';
import { placeOrder } from '../../../domain/orders/order-changes';
import type { PaymentProvider } from '../../../domain/payments/provider';
import { DEFAULT_PRICE_RULES } from '../../../domain/pricing/price-rules';
import { priceCart } from '../../../domain/pricing/pricing';
import { customerId, orderId } from '../../../domain/shared/ids';
import type { OrderPolicy } from '../../../domain/shared/policy';
import type { Mailer, MailMessage } from '../../../integrations/smtp/mailer';
import { createStripeProvider } from '../../../integrations/stripe/stripe';
import { registerSearchAttributes } from '../../../integrations/temporal/connect';
import { createLinkTokens } from '../../../services/auth/tokens/link-tokens';
import { PlacementDecisions } from '../../../services/orders/placement-decisions';
import { bundleWorkflows } from '../../../workers/bundle';
import { type RunningWorkers, runWorkers } from '../../../workers/run-workers';
import { installRuntime } from '../../../workers/runtime';
import {
  ORDER_WORKFLOW,
  type OrderInput,
  PLACEMENT_UPDATE_ID,
  placement,
} from '../../../workflows/orders/messages';
import { getTaskQueues, type QueueLayout, type TaskQueues } from '../../../workflows/shared/task-queues';
import { createTestStore, type Dialect, type TestStore } from '../servers/databases';

installRuntime(pino({ level: 'silent' }));

/** Durations short enough for a test; everything else is as in production. */
export const SHORT_POLICY: OrderPolicy = {
  paymentDeadlineMs: 8_000,
  paymentAttemptTimeoutMs: 3_000,
  retryInitialMs: 100,
  retryMaxMs: 400,
  attentionAfterMs: 700,
  compensationRoundMs: 1_500,
};

export interface WorkflowTestEnvOptions {
  dialect?: Dialect;
  policy?: Partial<OrderPolicy>;
  /** Wraps the real adapter, to pause or fail calls. */
  wrapProvider?: (real: PaymentProvider) => PaymentProvider;
  mailer?: Mailer;
  layout?: QueueLayout;
  /** Address that the workers connect to, for example of a proxy. */
  workerTemporalAddress?: string;
}

/**
 * Runs order workflows against real dependencies: a Temporal server, workers, a database and the payment simulator over
 * HTTP. Each environment has its own database, simulator and task queues.
 */
export class WorkflowTestEnv {
  /** Decisions that the workers commit. */
  readonly decisions = new PlacementDecisions();
  private workers: RunningWorkers | undefined;

  private constructor(
    readonly client: Client,
    readonly testStore: TestStore,
    readonly simulator: RunningSimulator,
    readonly queues: TaskQueues,
    readonly provider: PaymentProvider,
    readonly policy: OrderPolicy,
    private readonly mailer: Mailer,
    /** Sent mails; stays empty when the options have a mailer. */
    readonly mails: MailMessage[],
    private readonly workerTemporalAddress: string,
    private readonly dir: string,
  ) {}

  static async create(options: WorkflowTestEnvOptions = {}): Promise<WorkflowTestEnv> {
    const address = getTemporalAddress();
    const client = new Client({ connection: await Connection.connect({ address }) });
    await registerSearchAttributes(client);
    const dir = mkdtempSync(join(tmpdir(), 'workflow-test-'));
    const simulator = await startSimulator({ journalFile: join(dir, 'simulator.jsonl') });
    const real = createStripeProvider({
      apiKey: 'sk_test_workflow',
      baseUrl: simulator.url,
      timeoutMs: 2_000,
    });
    const mails: MailMessage[] = [];
    const collecting: Mailer = { send: async (mail) => void mails.push(mail), close: async () => undefined };
    const testEnv = new WorkflowTestEnv(
      client,
      await createTestStore(options.dialect ?? 'sqlite'),
      simulator,
      getTaskQueues(options.layout ?? 'single', `test-${ulid()}-`),
      options.wrapProvider?.(real) ?? real,
      { ...SHORT_POLICY, ...options.policy },
      options.mailer ?? collecting,
      mails,
      options.workerTemporalAddress ?? address,
      dir,
    );
    await testEnv.startWorkers();
    return testEnv;
  }

  get store() {
    return this.testStore.store;
  }

  /** @param code bundle to run in place of the project's workflows. */
  async startWorkers(code?: WorkflowBundleWithSourceMap): Promise<void> {
    this.workers = await runWorkers(
      { address: this.workerTemporalAddress, namespace: this.client.options.namespace },
      code ?? (await getWorkflowBundle()),
      {
        store: this.store,
        provider: this.provider,
        mailer: this.mailer,
        notification: {
          shopName: 'Test shop',
          shopUrl: 'https://shop.example',
          mailDomain: 'shop.example',
          linkTokens: createLinkTokens(Buffer.alloc(32, 5)),
        },
        publishDecision: (order) => this.decisions.publish(order),
      },
      this.queues,
    );
  }

  /** See `RunningWorkers`. */
  eagerClient = (): Client | undefined => this.workers?.eagerClient();

  async stopWorkers(): Promise<void> {
    await this.workers?.stop();
    this.workers = undefined;
  }

  /** @returns a workflow input as the API creates it. */
  async createOrderInput(
    items: Record<string, number> = { 'walnut-desk': 1 },
    paymentMethod = 'pm_card_visa',
  ): Promise<OrderInput> {
    const products = await this.store.products.findBySkus(Object.keys(items));
    const cart = priceCart(
      products.map((p) => ({ ...p, quantity: items[p.sku] ?? 0 })),
      { country: 'DE' },
      DEFAULT_PRICE_RULES,
    );
    const placedAtMs = Date.now();
    const customer = customerId(ulid());
    return {
      order: placeOrder(cart, { id: orderId(ulid(placedAtMs)), customerId: customer, placedAtMs }),
      placedBy: { kind: 'customer', id: customer },
      paymentMethod,
      queues: this.queues,
      policy: this.policy,
    };
  }

  async createInputWithPolicy(policy: Partial<OrderPolicy>): Promise<OrderInput> {
    const input = await this.createOrderInput();
    return { ...input, policy: { ...input.policy, ...policy } };
  }

  createPaymentActivities(): PaymentActivities {
    const { confirmOrder } = createOrderActivities(this.store);
    return createPaymentActivities(this.store, this.provider, confirmOrder);
  }

  /** Starts the order's workflow and waits for the decision, as the API does. */
  placeOrder(input: OrderInput): Promise<Order> {
    return this.client.workflow.executeUpdateWithStart(placement, {
      updateId: PLACEMENT_UPDATE_ID,
      startWorkflowOperation: new WithStartWorkflowOperation(ORDER_WORKFLOW, {
        workflowId: input.order.id,
        taskQueue: this.queues.orders,
        args: [input],
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    });
  }

  startOrder(input: OrderInput): Promise<WorkflowHandle> {
    return this.client.workflow.start(ORDER_WORKFLOW, {
      workflowId: input.order.id,
      taskQueue: this.queues.orders,
      args: [input],
    });
  }

  getHandle(id: string): WorkflowHandle {
    return this.client.workflow.getHandle(id);
  }

  /** @returns the attempt number of the pending activity; 0 when none is pending. */
  async getActivityAttempt(id: string): Promise<number> {
    const { raw } = await this.getHandle(id).describe();
    return raw.pendingActivities?.[0]?.attempt ?? 0;
  }

  /** @returns the Markdown that the Web UI shows for the workflow. */
  async getCurrentDetails(id: string): Promise<string> {
    const metadata = await this.getHandle(id).query<{ currentDetails?: string }>(
      '__temporal_workflow_metadata',
    );
    return metadata.currentDetails ?? '';
  }

  /** @returns the event types of an order in log order. */
  async listEventTypes(id: string): Promise<string[]> {
    return (await this.store.log.findByOrder(id)).map((row) => row.type);
  }

  async getStock(sku: string): Promise<{ onHand: number; reserved: number }> {
    const levels = await this.store.stock.findLevels([sku]);
    return {
      onHand: levels.reduce((sum, l) => sum + l.onHand, 0),
      reserved: levels.reduce((sum, l) => sum + l.reserved, 0),
    };
  }

  /** @returns the order's payment intents in the simulator's records. */
  async listIntents(id: string): Promise<SimulatorIntent[]> {
    const response = await fetch(`${this.simulator.url}/_simulator/books/intents?order_id=${id}`);
    return ((await response.json()) as { data: SimulatorIntent[] }).data;
  }

  /** @returns the captured payment of an order, as input of the step that records it. */
  async getCapturedPayment({ id, totalMinor }: Order) {
    const [intent] = await this.listIntents(id);
    if (intent === undefined) throw new Error(`Order ${id} has no payment intent.`);
    return { attempt: 1, provider: 'stripe', intentId: intent.id, amountMinor: totalMinor };
  }

  /** Makes the simulator fail; modes and operations: dev/payment-simulator/faults.ts. */
  async injectFault(fault: {
    operation: string;
    mode: string;
    times?: number | null;
    delayMs?: number;
    match?: { orderId: string };
  }): Promise<void> {
    const response = await fetch(`${this.simulator.url}/_simulator/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ times: null, ...fault }),
    });
    if (!response.ok) throw new Error(await response.text());
  }

  async clearFaults(): Promise<void> {
    await fetch(`${this.simulator.url}/_simulator/faults`, { method: 'DELETE' });
  }

  async close(): Promise<void> {
    await this.stopWorkers();
    await this.simulator.close();
    await this.client.connection.close();
    await this.testStore.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export interface SimulatorIntent {
  id: string;
  order_id: string;
  status: string;
  amount: number;
  amount_captured: number;
  amount_refunded: number;
}

export function getTemporalAddress(): string {
  const address = process.env.TEST_TEMPORAL_ADDRESS;
  if (address === undefined)
    throw new Error('TEST_TEMPORAL_ADDRESS is not set: the jest project needs the global setup.');
  return address;
}

let workflowBundle: Promise<WorkflowBundleWithSourceMap> | undefined;
/** Bundled once per test file. */
function getWorkflowBundle(): Promise<WorkflowBundleWithSourceMap> {
  workflowBundle ??= bundleWorkflows(pino({ level: 'silent' }));
  return workflowBundle;
}

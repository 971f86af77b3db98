import type { Behaviour } from '../../../dev/mail-catcher/smtp';
import { DECLINED_CARD } from '../../system/orders/orders';
import { CatalogueScenario } from './catalogue-scenario';
import type { FaultPointTestEnv } from './fault-point-test-env';
import { GuestScenario } from './guest-scenario';
import { type ExpectedOutcome, OrderScenario } from './order-scenario';
import { WarehouseScenario } from './warehouse-scenario';

/**
 * Runs at a fault point and must finish after the crash. Together the scenarios reach every activity and every
 * transaction: a new one that no scenario reaches requires a new scenario.
 */
export interface Scenario {
  name: string;
  /** Behaviour of the mail server until the system crashes or the scenario resets it. */
  mailServer?: Behaviour;
  /** Would hide a stuck order: used only for points that no other scenario reaches. */
  selfRepairing?: true;
  /** @throws Error when the outcome is not the expected one. */
  run(testEnv: FaultPointTestEnv, resetMailServer: () => void): Promise<void>;
}

const CONFIRMED: ExpectedOutcome = {
  status: 'confirmed',
  payment: ['paid'],
  replayStatus: 201,
  mails: [{ kind: 'order_confirmed' }],
};
const CANCELLED: ExpectedOutcome = {
  status: 'cancelled',
  payment: ['refunded'],
  replayStatus: 201,
  mails: [{ kind: 'order_confirmed' }, { kind: 'order_cancelled' }],
};
const REJECTED: ExpectedOutcome = {
  status: 'rejected',
  payment: ['failed'],
  replayStatus: 402,
  mails: [{ kind: 'payment_declined' }],
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'an order is confirmed',
    async run(testEnv) {
      const customer = new OrderScenario(testEnv);
      await customer.placeOrder();
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'the database is unavailable when a captured payment confirms its order',
    async run(testEnv) {
      const customer = new OrderScenario(testEnv);
      await testEnv.withFailingWrites('capturePayment', async () => {
        await customer.placeOrder();
        await customer.waitForOrder('confirmed', ({ status }) => status !== 'placed');
      });
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'the mail server is temporarily unavailable',
    mailServer: 'reject_temporary',
    async run(testEnv, resetMailServer) {
      const customer = new OrderScenario(testEnv);
      await customer.placeOrder();
      await customer.waitForMailFailure();
      resetMailServer();
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'a delivery is cancelled while the mail server is unavailable',
    mailServer: 'reject_temporary',
    async run(testEnv) {
      const customer = new OrderScenario(testEnv);
      await customer.placeOrder();
      await customer.waitForMailFailure();
      await testEnv.cancelDeliveries();
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'a mailbox does not exist',
    mailServer: 'reject_permanent',
    async run(testEnv) {
      const customer = new OrderScenario(testEnv);
      await customer.placeOrder();
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'a card is declined',
    async run(testEnv) {
      const customer = new OrderScenario(testEnv, { 'walnut-desk': 1 }, { method: DECLINED_CARD });
      await customer.placeOrder();
      await customer.assertOutcome(REJECTED);
    },
  },
  {
    name: 'a card requires authentication',
    async run(testEnv) {
      const customer = new OrderScenario(
        testEnv,
        { 'walnut-desk': 1 },
        { method: 'pm_card_authenticationRequired' },
      );
      await customer.placeOrder();
      await customer.assertOutcome(REJECTED);
    },
  },
  {
    name: 'an order is out of stock',
    async run(testEnv) {
      const customer = new OrderScenario(testEnv, { 'oak-desk': 1, 'limited-1': 2 });
      await customer.placeOrder();
      await customer.assertOutcome({
        status: 'rejected',
        payment: ['none'],
        replayStatus: 409,
        mails: [{ kind: 'order_out_of_stock' }],
      });
    },
  },
  {
    name: 'a paid order is cancelled',
    async run(testEnv) {
      const customer = new OrderScenario(testEnv);
      await customer.placeOrder();
      await customer.waitForOrder('confirmed', ({ status }) => status !== 'placed');
      await customer.cancelOrder();
      await customer.assertOutcome(CANCELLED);
    },
  },
  {
    name: 'an order is cancelled while it is being paid',
    async run(testEnv) {
      const customer = new OrderScenario(testEnv);
      await customer.placeOrderWithFault({ operation: 'confirm', mode: 'delay', delayMs: 700 });
      await customer.waitForPayment();
      await customer.cancelOrder();
      await customer.assertOutcome({
        ...CANCELLED,
        payment: ['refunded', 'voided', 'none'],
        mails: [{ kind: 'order_cancelled' }, { kind: 'order_confirmed', maybe: true }],
      });
    },
  },
  {
    name: 'a refund fails temporarily',
    async run(testEnv) {
      const customer = new OrderScenario(testEnv);
      const id = await customer.placeOrder();
      await customer.waitForOrder('confirmed', ({ status }) => status !== 'placed');
      await testEnv.system.injectFault({
        operation: 'refund',
        mode: 'fail_before',
        times: 1,
        match: { orderId: id },
      });
      await customer.cancelOrder();
      await customer.assertOutcome(CANCELLED);
    },
  },
  {
    name: 'a payment misses its deadline, and a cancellation arrives during the rejection',
    async run(testEnv) {
      const customer = new OrderScenario(testEnv);
      const id = await testEnv.withShortPaymentDeadline(() =>
        customer.placeOrderWithFault({ operation: 'confirm', mode: 'fail_before', times: null }),
      );
      await testEnv.system.injectFault({
        operation: 'cancel',
        mode: 'fail_before',
        times: 3,
        match: { orderId: id },
      });
      await customer.waitForOrder(
        'attention',
        ({ attention, status }) => attention !== null || status !== 'placed',
      );
      await customer.cancelOrder();
      await customer.assertOutcome(REJECTED);
    },
  },
  {
    name: 'the workflow of an order is reset',
    selfRepairing: true,
    async run(testEnv) {
      const customer = new OrderScenario(testEnv);
      const id = await customer.placeOrder();
      await customer.waitForOrder('confirmed', ({ status }) => status !== 'placed');
      await testEnv.resetWorkflow(id);
      await customer.cancelOrder();
      await customer.assertOutcome(CANCELLED);
    },
  },
  {
    name: 'the workflow of an order is terminated repeatedly',
    selfRepairing: true,
    async run(testEnv) {
      const customer = new OrderScenario(testEnv);
      const id = await customer.placeOrder();
      await customer.waitForOrder('confirmed', ({ status }) => status !== 'placed');
      const running = () => testEnv.isWorkflowRunning(id);
      for (const attempt of ['first', 'second']) {
        await testEnv.terminateWorkflow(id);
        await testEnv.reconcileUntil(`${attempt} restart of ${id}`, {}, running);
      }
      await testEnv.terminateWorkflow(id);
      // A concurrent run of this scenario may restart it immediately.
      await testEnv.reconcileUntil(
        `${id} flagged`,
        { maxRestarts: 0 },
        async () => (await testEnv.getOpenFinding(id))?.action === 'flagged' || running(),
      );
      await testEnv.reconcileUntil(`final restart of ${id}`, {}, running);
      await testEnv.reconcileUntil(
        `finding of ${id} resolved`,
        {},
        async () => (await testEnv.getOpenFinding(id)) === undefined,
      );
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'staff create a warehouse, receive stock, set a threshold and close the warehouse',
    async run(testEnv) {
      const staff = new WarehouseScenario(testEnv, 'coffee-decaf');
      await staff.createWarehouse();
      await staff.receiveStock(5);
      await staff.setThreshold(1_000_000);
      await staff.countStock(3);
      await staff.setThreshold(null);
      await staff.closeWarehouse();
      await staff.assertLevel({ onHand: 3, reserved: 0, active: false, available: 0 });
    },
  },
  {
    name: 'a product is created, changed and deactivated',
    async run(testEnv) {
      const staff = new CatalogueScenario(testEnv);
      await staff.createProduct();
      await staff.changePrice();
      await staff.deactivateProduct();
    },
  },
  {
    name: 'a product file is imported',
    async run(testEnv) {
      const staff = new CatalogueScenario(testEnv);
      await staff.importFile();
      await staff.assertImported();
    },
  },
  {
    name: 'an interrupted upload is repeated',
    async run(testEnv) {
      const staff = new CatalogueScenario(testEnv);
      await staff.abortUpload();
      await staff.importFile();
      await staff.assertImported();
    },
  },
  {
    name: 'a customer registers, uses the account and is erased',
    async run(testEnv) {
      const guest = new GuestScenario(testEnv);
      await guest.signUp();
      await guest.signUpAgain();
      await guest.addAddress();
      await guest.refresh();
      await guest.logOut();
      await guest.changePassword();
      await guest.eraseAccount();
    },
  },
  {
    name: 'a customer resets a password',
    async run(testEnv) {
      const guest = new GuestScenario(testEnv);
      await guest.signUp();
      await guest.resetPassword();
      await guest.refresh();
    },
  },
  {
    name: 'an admin manages customers and API keys',
    async run(testEnv) {
      const customer = new GuestScenario(testEnv);
      await customer.signUp();
      const admin = await GuestScenario.createAdmin(testEnv);
      await admin.manageCustomer(customer.email);
    },
  },
  {
    name: 'the system is restarted',
    async run(testEnv) {
      await testEnv.restart();
      const customer = new OrderScenario(testEnv);
      await customer.placeOrder();
      await customer.assertOutcome(CONFIRMED);
    },
  },
];

import type { Behaviour } from '../../../dev/mail-catcher/smtp';
import { DECLINED_CARD } from '../../system/orders/orders';
import { CatalogueScenario } from './catalogue-scenario';
import type { FaultPointTestEnv } from './fault-point-test-env';
import { GuestScenario } from './guest-scenario';
import { type ExpectedOutcome, OrderScenario } from './order-scenario';
import { WarehouseScenario } from './warehouse-scenario';

/**
 * What is played at each fault point, and to the end when the system has died at it. Together the scenarios reach every
 * activity and every transaction: who adds one that none reaches adds a scenario.
 */
export interface Scenario {
  name: string;
  /** Until the system dies or the scenario mends it. */
  mailServer?: Behaviour;
  /** A stuck order would not be noticed: played only for what no other scenario reaches. */
  selfRepairing?: true;
  /** Throws when the end is not the one that was promised. */
  run(shop: FaultPointTestEnv, mendMailServer: () => void): Promise<void>;
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
    async run(shop) {
      const customer = new OrderScenario(shop);
      await customer.placeOrder();
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'the mail server is away for a while',
    mailServer: 'reject_temporary',
    async run(shop, mendMailServer) {
      const customer = new OrderScenario(shop);
      await customer.placeOrder();
      await customer.waitForMailFailure();
      mendMailServer();
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'a mail is given up while the mail server is away',
    mailServer: 'reject_temporary',
    async run(shop) {
      const customer = new OrderScenario(shop);
      await customer.placeOrder();
      await customer.waitForMailFailure();
      await shop.cancelDeliveries();
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'a mailbox does not exist',
    mailServer: 'reject_permanent',
    async run(shop) {
      const customer = new OrderScenario(shop);
      await customer.placeOrder();
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'a card is declined',
    async run(shop) {
      const customer = new OrderScenario(shop, { 'walnut-desk': 1 }, { method: DECLINED_CARD });
      await customer.placeOrder();
      await customer.assertOutcome(REJECTED);
    },
  },
  {
    name: 'the issuer of a card wants to see its holder',
    async run(shop) {
      const customer = new OrderScenario(
        shop,
        { 'walnut-desk': 1 },
        { method: 'pm_card_authenticationRequired' },
      );
      await customer.placeOrder();
      await customer.assertOutcome(REJECTED);
    },
  },
  {
    name: 'an order is beyond the stock',
    async run(shop) {
      const customer = new OrderScenario(shop, { 'oak-desk': 1, 'limited-1': 2 });
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
    async run(shop) {
      const customer = new OrderScenario(shop);
      await customer.placeOrder();
      await customer.waitForOrder('confirmed', ({ status }) => status !== 'placed');
      await customer.cancelOrder();
      await customer.assertOutcome(CANCELLED);
    },
  },
  {
    name: 'an order is cancelled while it is being paid',
    async run(shop) {
      const customer = new OrderScenario(shop);
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
    name: 'a refund fails for a while',
    async run(shop) {
      const customer = new OrderScenario(shop);
      const id = await customer.placeOrder();
      await customer.waitForOrder('confirmed', ({ status }) => status !== 'placed');
      await shop.system.injectFault({
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
    name: 'a payment cannot be taken in time, and a cancellation comes when the order is being rejected',
    async run(shop) {
      const customer = new OrderScenario(shop);
      const id = await shop.withShortPaymentDeadline(() =>
        customer.placeOrderWithFault({ operation: 'confirm', mode: 'fail_before', times: null }),
      );
      await shop.system.injectFault({
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
    async run(shop) {
      const customer = new OrderScenario(shop);
      const id = await customer.placeOrder();
      await customer.waitForOrder('confirmed', ({ status }) => status !== 'placed');
      await shop.resetWorkflow(id);
      await customer.cancelOrder();
      await customer.assertOutcome(CANCELLED);
    },
  },
  {
    name: 'the workflow of an order is terminated, again and again',
    selfRepairing: true,
    async run(shop) {
      const customer = new OrderScenario(shop);
      const id = await customer.placeOrder();
      await customer.waitForOrder('confirmed', ({ status }) => status !== 'placed');
      const running = () => shop.isWorkflowRunning(id);
      for (const time of ['first', 'second']) {
        await shop.terminateWorkflow(id);
        await shop.reconcileUntil(`${id} restarted the ${time} time`, {}, running);
      }
      await shop.terminateWorkflow(id);
      // Another one who plays this may restart it at once.
      await shop.reconcileUntil(
        `${id} flagged`,
        { maxRestarts: 0 },
        async () => (await shop.getOpenFinding(id))?.action === 'flagged' || running(),
      );
      await shop.reconcileUntil(`${id} restarted at last`, {}, running);
      await shop.reconcileUntil(`${id} well`, {}, async () => (await shop.getOpenFinding(id)) === undefined);
      await customer.assertOutcome(CONFIRMED);
    },
  },
  {
    name: 'staff open a warehouse, fill it, watch a product and close the warehouse again',
    async run(shop) {
      const staff = new WarehouseScenario(shop, 'coffee-decaf');
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
    name: 'a product is created, gets another price and is not sold any more',
    async run(shop) {
      const clerk = new CatalogueScenario(shop);
      await clerk.createProduct();
      await clerk.changePrice();
      await clerk.deactivateProduct();
    },
  },
  {
    name: 'a file of products is imported',
    async run(shop) {
      const clerk = new CatalogueScenario(shop);
      await clerk.importFile();
      await clerk.assertImported();
    },
  },
  {
    name: 'the upload of a file breaks off and begins anew',
    async run(shop) {
      const clerk = new CatalogueScenario(shop);
      await clerk.abortUpload();
      await clerk.importFile();
      await clerk.assertImported();
    },
  },
  {
    name: 'somebody makes an account, uses it, and is forgotten',
    async run(shop) {
      const visitor = new GuestScenario(shop);
      await visitor.signUp();
      await visitor.signUpAgain();
      await visitor.addAddress();
      await visitor.refresh();
      await visitor.logOut();
      await visitor.changePassword();
      await visitor.eraseAccount();
    },
  },
  {
    name: 'somebody forgets a password',
    async run(shop) {
      const visitor = new GuestScenario(shop);
      await visitor.signUp();
      await visitor.resetPassword();
      await visitor.refresh();
    },
  },
  {
    name: 'somebody is given a role, and looks after customers and machines',
    async run(shop) {
      const customer = new GuestScenario(shop);
      await customer.signUp();
      const admin = await GuestScenario.createAdmin(shop);
      await admin.manageCustomer(customer.email);
    },
  },
  {
    name: 'the system is stopped and started',
    async run(shop) {
      await shop.restart();
      const customer = new OrderScenario(shop);
      await customer.placeOrder();
      await customer.assertOutcome(CONFIRMED);
    },
  },
];

import type { Behaviour } from '../../../dev/mail-catcher/smtp';
import { DECLINED } from '../../system/orders/orders';
import { Clerk } from './fault-point-clerk';
import { Customer, type Promised } from './fault-point-customer';
import type { FaultPointShop } from './fault-point-shop';
import { WarehouseStaff } from './fault-point-staff';
import { Visitor } from './fault-point-visitor';

/**
 * What is played at each fault point, and to the end when the system has died at it. Together the scenarios reach every
 * activity and every transaction: who adds one that none reaches adds a scenario.
 */
export interface Scenario {
  name: string;
  /** Until the system dies or the scenario mends it. */
  mailServer?: Behaviour;
  /** A stuck order would not be noticed: played only for what no other scenario reaches. */
  mends?: true;
  /** Throws when the end is not the one that was promised. */
  play(shop: FaultPointShop, mendMailServer: () => void): Promise<void>;
}

const CONFIRMED: Promised = {
  status: 'confirmed',
  payment: ['paid'],
  answer: 201,
  mails: [{ kind: 'order_confirmed' }],
};
const CANCELLED: Promised = {
  status: 'cancelled',
  payment: ['refunded'],
  answer: 201,
  mails: [{ kind: 'order_confirmed' }, { kind: 'order_cancelled' }],
};
const REJECTED: Promised = {
  status: 'rejected',
  payment: ['failed'],
  answer: 402,
  mails: [{ kind: 'payment_declined' }],
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'an order is confirmed',
    async play(shop) {
      const customer = new Customer(shop);
      await customer.place();
      await customer.sees(CONFIRMED);
    },
  },
  {
    name: 'the mail server is away for a while',
    mailServer: 'reject_temporary',
    async play(shop, mendMailServer) {
      const customer = new Customer(shop);
      await customer.place();
      await customer.untilMailFails();
      mendMailServer();
      await customer.sees(CONFIRMED);
    },
  },
  {
    name: 'a mail is given up while the mail server is away',
    mailServer: 'reject_temporary',
    async play(shop) {
      const customer = new Customer(shop);
      await customer.place();
      await customer.untilMailFails();
      await shop.cancelDeliveries();
      await customer.sees(CONFIRMED);
    },
  },
  {
    name: 'a mailbox does not exist',
    mailServer: 'reject_permanent',
    async play(shop) {
      const customer = new Customer(shop);
      await customer.place();
      await customer.sees(CONFIRMED);
    },
  },
  {
    name: 'a card is declined',
    async play(shop) {
      const customer = new Customer(shop, { 'walnut-desk': 1 }, { method: DECLINED });
      await customer.place();
      await customer.sees(REJECTED);
    },
  },
  {
    name: 'the issuer of a card wants to see its holder',
    async play(shop) {
      const customer = new Customer(shop, { 'walnut-desk': 1 }, { method: 'pm_card_authenticationRequired' });
      await customer.place();
      await customer.sees(REJECTED);
    },
  },
  {
    name: 'an order is beyond the stock',
    async play(shop) {
      const customer = new Customer(shop, { 'oak-desk': 1, 'limited-1': 2 });
      await customer.place();
      await customer.sees({
        status: 'rejected',
        payment: ['none'],
        answer: 409,
        mails: [{ kind: 'order_out_of_stock' }],
      });
    },
  },
  {
    name: 'a paid order is cancelled',
    async play(shop) {
      const customer = new Customer(shop);
      await customer.place();
      await customer.until('confirmed', ({ status }) => status !== 'placed');
      await customer.cancel();
      await customer.sees(CANCELLED);
    },
  },
  {
    name: 'an order is cancelled while it is being paid',
    async play(shop) {
      const customer = new Customer(shop);
      await customer.placeWith({ operation: 'confirm', mode: 'delay', delayMs: 700 });
      await customer.untilPaying();
      await customer.cancel();
      await customer.sees({
        ...CANCELLED,
        payment: ['refunded', 'voided', 'none'],
        mails: [{ kind: 'order_cancelled' }, { kind: 'order_confirmed', maybe: true }],
      });
    },
  },
  {
    name: 'a refund fails for a while',
    async play(shop) {
      const customer = new Customer(shop);
      const id = await customer.place();
      await customer.until('confirmed', ({ status }) => status !== 'placed');
      await shop.system.fault({
        operation: 'refund',
        mode: 'fail_before',
        times: 1,
        match: { orderId: id },
      });
      await customer.cancel();
      await customer.sees(CANCELLED);
    },
  },
  {
    name: 'a payment cannot be taken in time, and a cancellation comes when the order is being rejected',
    async play(shop) {
      const customer = new Customer(shop);
      const id = await shop.withShortDeadline(() =>
        customer.placeWith({ operation: 'confirm', mode: 'fail_before', times: null }),
      );
      await shop.system.fault({
        operation: 'cancel',
        mode: 'fail_before',
        times: 3,
        match: { orderId: id },
      });
      await customer.until('attention', ({ attention, status }) => attention !== null || status !== 'placed');
      await customer.cancel();
      await customer.sees(REJECTED);
    },
  },
  {
    name: 'the workflow of an order is reset',
    mends: true,
    async play(shop) {
      const customer = new Customer(shop);
      const id = await customer.place();
      await customer.until('confirmed', ({ status }) => status !== 'placed');
      await shop.reset(id);
      await customer.cancel();
      await customer.sees(CANCELLED);
    },
  },
  {
    name: 'the workflow of an order is terminated, again and again',
    mends: true,
    async play(shop) {
      const customer = new Customer(shop);
      const id = await customer.place();
      await customer.until('confirmed', ({ status }) => status !== 'placed');
      const running = () => shop.workflowRuns(id);
      for (const time of ['first', 'second']) {
        await shop.terminate(id);
        await shop.reconcileUntil(`${id} restarted the ${time} time`, {}, running);
      }
      await shop.terminate(id);
      // Another one who plays this may restart it at once.
      await shop.reconcileUntil(
        `${id} flagged`,
        { maxRestarts: 0 },
        async () => (await shop.finding(id))?.action === 'flagged' || running(),
      );
      await shop.reconcileUntil(`${id} restarted at last`, {}, running);
      await shop.reconcileUntil(`${id} well`, {}, async () => (await shop.finding(id)) === undefined);
      await customer.sees(CONFIRMED);
    },
  },
  {
    name: 'staff open a warehouse, fill it, watch a product and close the warehouse again',
    async play(shop) {
      const staff = new WarehouseStaff(shop, 'coffee-decaf');
      await staff.open();
      await staff.receive(5);
      await staff.watch(1_000_000);
      await staff.count(3);
      await staff.watch(null);
      await staff.close();
      await staff.sees({ onHand: 3, reserved: 0, active: false, available: 0 });
    },
  },
  {
    name: 'a product is created, gets another price and is not sold any more',
    async play(shop) {
      const clerk = new Clerk(shop);
      await clerk.creates();
      await clerk.changesPrice();
      await clerk.stopsSelling();
    },
  },
  {
    name: 'a file of products is imported',
    async play(shop) {
      const clerk = new Clerk(shop);
      await clerk.imports();
      await clerk.seesImported();
    },
  },
  {
    name: 'the upload of a file breaks off and begins anew',
    async play(shop) {
      const clerk = new Clerk(shop);
      await clerk.breaksOff();
      await clerk.imports();
      await clerk.seesImported();
    },
  },
  {
    name: 'somebody makes an account, uses it, and is forgotten',
    async play(shop) {
      const visitor = new Visitor(shop);
      await visitor.signUp();
      await visitor.signUpAgain();
      await visitor.moveHouse();
      await visitor.refresh();
      await visitor.logOut();
      await visitor.changePassword();
      await visitor.vanish();
    },
  },
  {
    name: 'somebody forgets a password',
    async play(shop) {
      const visitor = new Visitor(shop);
      await visitor.signUp();
      await visitor.resetPassword();
      await visitor.refresh();
    },
  },
  {
    name: 'somebody is given a role, and looks after customers and machines',
    async play(shop) {
      const customer = new Visitor(shop);
      await customer.signUp();
      const admin = await Visitor.admin(shop);
      await admin.lookAfter(customer.email);
    },
  },
  {
    name: 'the system is stopped and started',
    async play(shop) {
      await shop.stop();
      const customer = new Customer(shop);
      await customer.place();
      await customer.sees(CONFIRMED);
    },
  },
];

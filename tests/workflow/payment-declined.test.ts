import { DIALECTS } from '../harness/servers/databases';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

describe.each(DIALECTS)('a payment that is declined, on %s', (dialect) => {
  let lab: WorkflowTestEnv;
  let voids = 0;
  beforeAll(async () => {
    lab = await WorkflowTestEnv.create({
      dialect,
      wrapProvider: (real) => ({
        ...real,
        // The worker is lost right behind the first void.
        async void(request) {
          const intent = await real.void(request);
          voids += 1;
          if (voids % 2 === 1) throw new Error('the worker is lost');
          return intent;
        },
      }),
    });
  });
  afterAll(() => lab.close());

  test.each([
    ['pm_card_authenticationRequired', 'authentication_required'],
    ['pm_none_such', 'invalid_payment_method'],
    ['pm_card_chargeDeclined', 'generic_decline'],
  ])(
    '%s: the customer is told %s, also when the worker is lost once the intent is voided',
    async (card, declineCode) => {
      const before = voids;
      const { id, rejection } = await lab.placeOrder(await lab.createOrderInput({ 'walnut-desk': 1 }, card));
      expect(rejection).toMatchObject({ code: 'payment_declined', declineCode });
      expect(voids - before).toBe(2);
      const rows = await lab.store.ledger.findByOrder(id);
      expect(new Map(rows.map(({ kind, declineCode: why }) => [kind, why]))).toEqual(
        new Map([
          ['intent', null],
          ['declined', declineCode],
        ]),
      );
      expect(await lab.listIntents(id)).toMatchObject([{ status: 'canceled', amount_captured: 0 }]);
    },
  );
});

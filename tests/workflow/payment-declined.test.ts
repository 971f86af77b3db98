import { DIALECTS } from '../harness/servers/databases';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

describe.each(DIALECTS)('a declined payment on %s', (dialect) => {
  let testEnv: WorkflowTestEnv;
  let voids = 0;
  beforeAll(async () => {
    testEnv = await WorkflowTestEnv.create({
      dialect,
      wrapProvider: (real) => ({
        ...real,
        // Simulates a worker that crashes directly after the first void.
        async void(request) {
          const intent = await real.void(request);
          voids += 1;
          if (voids % 2 === 1) throw new Error('worker crashed');
          return intent;
        },
      }),
    });
  });
  afterAll(() => testEnv.close());

  test.each([
    ['pm_card_authenticationRequired', 'authentication_required'],
    ['pm_none_such', 'invalid_payment_method'],
    ['pm_card_chargeDeclined', 'generic_decline'],
  ])(
    '%s: the rejection has decline code %s, also when the worker crashes after the void',
    async (card, declineCode) => {
      const before = voids;
      const { id, rejection } = await testEnv.placeOrder(
        await testEnv.createOrderInput({ 'walnut-desk': 1 }, card),
      );
      expect(rejection).toMatchObject({ code: 'payment_declined', declineCode });
      expect(voids - before).toBe(2);
      const rows = await testEnv.store.ledger.findByOrder(id);
      expect(new Map(rows.map(({ kind, declineCode: code }) => [kind, code]))).toEqual(
        new Map([
          ['intent', null],
          ['declined', declineCode],
        ]),
      );
      expect(await testEnv.listIntents(id)).toMatchObject([{ status: 'canceled', amount_captured: 0 }]);
    },
  );
});

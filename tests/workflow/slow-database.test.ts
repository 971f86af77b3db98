import { eventually } from '../harness/eventually';
import { createGate } from '../harness/workflow/gate';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create();
});
afterAll(() => testEnv.close());

test('a step that is given up while it waits for its turn to write is not run when its turn comes', async () => {
  const { db } = testEnv.store;
  const input = await testEnv.createOrderInput();
  const held = createGate();
  const holding = db.write(() => held.opened);
  const [begun, sent] = [jest.spyOn(db, 'write'), jest.spyOn(db, 'send')];

  const placed = testEnv.placeOrder(input);
  await eventually('the second try waits, too', () => begun.mock.calls.length >= 2);
  held.open();
  await holding;

  expect(await placed).toMatchObject({ id: input.order.id, status: 'confirmed' });
  const reserved = sent.mock.calls.filter(([sql]) => sql.startsWith('INSERT INTO reservations '));
  expect(reserved).toHaveLength(1);
});

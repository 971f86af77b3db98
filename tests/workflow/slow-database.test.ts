import { eventually } from '../harness/eventually';
import { createGate } from '../harness/workflow/gate';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create();
});
afterAll(() => testEnv.close());

test('a step that times out while it waits for the write lock does not run later', async () => {
  const { db } = testEnv.store;
  const input = await testEnv.createOrderInput();
  const gate = createGate();
  const blockingWrite = db.write(() => gate.opened);
  const [writes, statements] = [jest.spyOn(db, 'write'), jest.spyOn(db, 'send')];

  const decision = testEnv.placeOrder(input);
  await eventually('the second attempt to wait for the lock', () => writes.mock.calls.length >= 2);
  gate.open();
  await blockingWrite;

  expect(await decision).toMatchObject({ id: input.order.id, status: 'confirmed' });
  const reservations = statements.mock.calls.filter(([sql]) => sql.startsWith('INSERT INTO reservations '));
  expect(reservations).toHaveLength(1);
});

import { eventually } from '../harness/eventually';
import { gate } from '../harness/workflow/gate';
import { Lab } from '../harness/workflow/lab';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

test('a step that is given up while it waits for its turn to write is not run when its turn comes', async () => {
  const { db } = lab.store;
  const input = await lab.input();
  const held = gate();
  const holding = db.write(() => held.opened);
  const [begun, sent] = [jest.spyOn(db, 'write'), jest.spyOn(db, 'send')];

  const placed = lab.place(input);
  await eventually('the second try waits, too', () => begun.mock.calls.length >= 2);
  held.open();
  await holding;

  expect(await placed).toMatchObject({ id: input.order.id, status: 'confirmed' });
  const reserved = sent.mock.calls.filter(([sql]) => sql.startsWith('INSERT INTO reservations '));
  expect(reserved).toHaveLength(1);
});

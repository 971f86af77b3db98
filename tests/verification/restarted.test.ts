import { Lab } from '../harness/workflow/lab';
import {
  confirmedOrder,
  terminate,
  untilDealtWith,
  untilStatus,
  untilWell,
} from '../harness/workflow/reconciling';
import { audit, dropGuards, fitHead, sql } from './shop';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
  await dropGuards(lab);
});
afterAll(() => lab.close());

test('an order that was restarted agrees with itself', async () => {
  const id = await confirmedOrder(lab);
  await terminate(id);
  await untilDealtWith(lab, id);
  await untilWell(lab, id);
  expect((await audit(lab, [id])).blamed).toEqual({});
});

test('what was cut off the log before a restart is found all the same: the run before was told of it', async () => {
  const id = await confirmedOrder(lab);
  await terminate(id);
  await sql(lab, 'DELETE FROM events WHERE stream = :id AND seq > 2', { id });
  await fitHead(lab, id);
  const rewind = "UPDATE orders SET status = 'placed', payment = 'pending', version = 1 WHERE id = :id";
  await sql(lab, rewind, { id });

  await untilDealtWith(lab, id);
  await untilStatus(lab, id, 'confirmed');
  await untilWell(lab, id);

  expect((await lab.intents(id)).map((i) => i.status)).toEqual(['succeeded']);
  expect((await audit(lab, [id])).blamed).toEqual({ [id]: ['anchor_mismatch'] });
});

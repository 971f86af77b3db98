import { EventEmitter } from 'node:events';
import type { Request, Response } from 'express';
import { Admission, limitConcurrency } from './admission';

const forever = () => new Promise<never>(() => undefined);
const nobodyWaits = async () => 0;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** An answer with the decided order. */
const decided = (order: string) => ({ order });
const later = { order: null };

describe('placements', () => {
  test('as many as allowed run, one more is told to come back, and one that ends makes room', async () => {
    const admission = new Admission({ placements: 2, waitingOrders: 10 }, nobodyWaits);
    let finish: (value: { order: string }) => void = () => undefined;
    const first = admission.admit(() => new Promise<{ order: string }>((resolve) => (finish = resolve)));
    void admission.admit(forever);

    await expect(admission.admit(async () => decided('third'))).rejects.toMatchObject({
      code: 'overloaded',
      extensions: { retryAfterSeconds: 2 },
    });
    finish(decided('done'));
    expect(await first).toEqual(decided('done'));
    expect(await admission.admit(async () => decided('fourth'))).toEqual(decided('fourth'));
  });

  test('one that fails makes room too', async () => {
    const admission = new Admission({ placements: 1, waitingOrders: 10 }, nobodyWaits);
    const failing = () => admission.admit(() => Promise.reject(new Error('declined')));
    await expect(failing()).rejects.toThrow('declined');
    await expect(failing()).rejects.toThrow('declined');
  });

  test('none are taken while too many orders wait for a worker, and again when they are fewer', async () => {
    let [waiting, now] = [10, 0];
    const admission = new Admission(
      { placements: 5, waitingOrders: 10 },
      async () => waiting,
      () => now,
    );
    expect(await admission.admit(async () => decided('unknown'))).toEqual(decided('unknown'));
    await settled();
    await expect(admission.admit(forever)).rejects.toMatchObject({
      code: 'overloaded',
      extensions: { retryAfterSeconds: 10 },
    });

    waiting = 9;
    now += 500;
    await expect(admission.admit(forever)).rejects.toMatchObject({ code: 'overloaded' });
    await settled();
    expect(await admission.admit(async () => decided('taken'))).toEqual(decided('taken'));
  });

  test('who comes first after a pause is not refused by the count of before it', async () => {
    let now = 0;
    const admission = new Admission(
      { placements: 5, waitingOrders: 10 },
      async () => 10,
      () => now,
    );
    await admission.admit(async () => decided('unknown'));
    await settled();
    now += 5_500;
    await expect(admission.admit(forever)).rejects.toMatchObject({ code: 'overloaded' });
    await settled();
    now += 5_501;
    expect(await admission.admit(async () => decided('first'))).toEqual(decided('first'));
    await settled();
    await expect(admission.admit(forever)).rejects.toMatchObject({ code: 'overloaded' });
  });

  test('those placed lately whose decision is not known count as waiting until the server has counted them', async () => {
    let now = 0;
    const admission = new Admission({ placements: 5, waitingOrders: 3 }, nobodyWaits, () => now);
    for (let n = 0; n < 3; n += 1) await admission.admit(async () => later);
    now = 5_000;
    await expect(admission.admit(forever)).rejects.toMatchObject({ extensions: { retryAfterSeconds: 10 } });
    now = 5_501;
    await settled();
    for (let n = 0; n < 10; n += 1) await admission.admit(async () => decided('known'));
  });

  test('the count is asked for once at a time, and while it fails the one before stands', async () => {
    let [asked, now, away] = [0, 0, false];
    const admission = new Admission(
      { placements: 500, waitingOrders: 10 },
      async () => {
        asked += 1;
        if (away) throw new Error('away');
        return 10;
      },
      () => now,
    );
    await Promise.all(Array.from({ length: 100 }, () => admission.admit(async () => decided('taken'))));
    expect(asked).toBe(1);
    await settled();
    away = true;
    now += 500;
    await expect(admission.admit(forever)).rejects.toMatchObject({ code: 'overloaded' });
    await settled();
    now += 500;
    await expect(admission.admit(forever)).rejects.toMatchObject({ code: 'overloaded' });
    expect(asked).toBe(3);
  });
});

test('requests of all kinds are bounded, and one whose client has gone makes room', () => {
  const gate = limitConcurrency(1);
  const pass = () => {
    const response = new EventEmitter();
    gate({} as Request, response as Response, () => undefined);
    return response;
  };
  const first = pass();
  expect(pass).toThrow(expect.objectContaining({ code: 'overloaded' }));
  first.emit('close');
  expect(pass).not.toThrow();
});

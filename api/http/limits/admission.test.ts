import { EventEmitter } from 'node:events';
import type { Response } from 'express';
import { Admission, limitConcurrency } from './admission';

const forever = () => new Promise<never>(() => undefined);
const noneWaiting = async () => 0;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** The result of a decided placement. */
const decided = (order: string) => ({ order });
const undecided = { order: null };

describe('placements', () => {
  test('rejects placements beyond the limit until a running one completes', async () => {
    const admission = new Admission({ placements: 2, waitingOrders: 10 }, noneWaiting);
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

  test('a failed placement releases its slot', async () => {
    const admission = new Admission({ placements: 1, waitingOrders: 10 }, noneWaiting);
    const failing = () => admission.admit(() => Promise.reject(new Error('declined')));
    await expect(failing()).rejects.toThrow('declined');
    await expect(failing()).rejects.toThrow('declined');
  });

  test('rejects placements while too many orders wait for a worker', async () => {
    let [waiting, now] = [10, 0];
    const admission = new Admission(
      { placements: 5, waitingOrders: 10 },
      async () => waiting,
      () => 0,
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
    expect(await admission.admit(async () => decided('placed'))).toEqual(decided('placed'));
  });

  test('ignores an outdated count after a pause', async () => {
    let now = 0;
    const admission = new Admission(
      { placements: 5, waitingOrders: 10 },
      async () => 10,
      () => 0,
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

  test('counts recent undecided placements as waiting until the server count includes them', async () => {
    let now = 0;
    const admission = new Admission(
      { placements: 5, waitingOrders: 3 },
      noneWaiting,
      () => 0,
      () => now,
    );
    for (let n = 0; n < 3; n += 1) await admission.admit(async () => undecided);
    now = 5_000;
    await expect(admission.admit(forever)).rejects.toMatchObject({ extensions: { retryAfterSeconds: 10 } });
    now = 5_501;
    await settled();
    for (let n = 0; n < 10; n += 1) await admission.admit(async () => decided('known'));
  });

  test('counts undecided orders of this process as waiting', async () => {
    let undecidedHere = 2;
    const admission = new Admission({ placements: 5, waitingOrders: 3 }, noneWaiting, () => undecidedHere);
    expect(await admission.admit(async () => decided('placed'))).toEqual(decided('placed'));
    undecidedHere = 3;
    await expect(admission.admit(forever)).rejects.toMatchObject({ extensions: { retryAfterSeconds: 10 } });
    undecidedHere = 2;
    // The same orders, answered as undecided, count once.
    for (let n = 0; n < 2; n += 1) await admission.admit(async () => undecided);
    expect(await admission.admit(async () => decided('placed'))).toEqual(decided('placed'));
  });

  test('refreshes the count once at a time and uses the previous count while it fails', async () => {
    let [reads, now, unavailable] = [0, 0, false];
    const admission = new Admission(
      { placements: 500, waitingOrders: 10 },
      async () => {
        reads += 1;
        if (unavailable) throw new Error('unavailable');
        return 10;
      },
      () => 0,
      () => now,
    );
    await Promise.all(Array.from({ length: 100 }, () => admission.admit(async () => decided('placed'))));
    expect(reads).toBe(1);
    await settled();
    unavailable = true;
    now += 500;
    await expect(admission.admit(forever)).rejects.toMatchObject({ code: 'overloaded' });
    await settled();
    now += 500;
    await expect(admission.admit(forever)).rejects.toMatchObject({ code: 'overloaded' });
    expect(reads).toBe(3);
  });
});

test('bounds concurrent requests and releases the slot of a disconnected client', () => {
  const gate = limitConcurrency(1);
  const pass = () => {
    const response = new EventEmitter();
    gate(response as Response);
    return response;
  };
  const first = pass();
  expect(pass).toThrow(expect.objectContaining({ code: 'overloaded' }));
  first.emit('close');
  expect(pass).not.toThrow();
});

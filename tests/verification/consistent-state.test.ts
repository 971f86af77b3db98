import { createVerificationReader } from '../../db/verification/verification-reader';
import { orderId } from '../../domain/shared/ids';
import type { Finding } from '../../verification/findings';
import { verify } from '../../verification/verify';
import { cancelOrder } from '../../workflows/orders/messages';
import { eventually } from '../harness/eventually';
import { DIALECTS } from '../harness/servers/databases';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import {
  createVerifyDependencies,
  executeSql,
  groupFindings,
  orderFixtures,
  publishEvents,
  runVerification,
} from './verification-fixtures';

describe.each(DIALECTS)('on %s', (dialect) => {
  let lab: WorkflowTestEnv;
  const placed: string[] = [];
  beforeAll(async () => {
    lab = await WorkflowTestEnv.create({ dialect });
    for (const place of Object.values(orderFixtures)) placed.push((await place(lab)).id);
  });
  afterAll(() => lab.close());

  test('a shop without fault, its orders in every state, has nothing to find', async () => {
    const { verified, blamed } = await runVerification(lab);
    expect(blamed).toEqual({});
    expect(verified).toMatchObject({ orders: placed.length, findings: 0 });
  });

  test('nor when its events are published', async () => {
    await publishEvents(lab);
    expect((await runVerification(lab)).blamed).toEqual({});
  });

  test('nor while orders are placed, paid and cancelled', async () => {
    const findings: Finding[] = [];
    let moving = true;
    const busy = (async () => {
      while (moving) {
        const { id } = await orderFixtures.confirmed(lab);
        await lab.getHandle(id).signal(cancelOrder);
      }
    })();
    try {
      await verify(createVerifyDependencies(lab), (finding) => findings.push(finding));
    } finally {
      moving = false;
      await busy;
    }
    expect(groupFindings(findings)).toEqual({});
  });

  test('nor where an order moved between two reads: it is looked at again', async () => {
    const reads = createVerificationReader(lab.store.db);
    const { findReservations } = reads;
    let looks = 0;
    reads.findReservations = async (ids) => (++looks === 1 ? new Map() : findReservations(ids));
    expect((await runVerification(lab, placed, { reads })).blamed).toEqual({});
    expect(looks).toBe(2);
  });

  test('nor while the provider has taken money and its answer is on the way', async () => {
    const input = await lab.createOrderInput();
    const { id } = input.order;
    await lab.injectFault({ operation: 'confirm', mode: 'drop_after', match: { orderId: id } });
    await lab.startOrder(input);
    await eventually(
      'the money is taken',
      async () => (await lab.listIntents(id))[0]?.status === 'succeeded',
    );

    expect((await runVerification(lab, [id])).blamed).toEqual({});

    await lab.clearFaults();
    await eventually('the order is confirmed', async () =>
      (await lab.listEventTypes(id)).includes('OrderConfirmed'),
    );
  });

  test('only the orders that are asked for are looked at', async () => {
    const [good, bad] = [placed[0] as string, await orderFixtures.confirmed(lab)];
    await executeSql(lab, 'UPDATE orders SET total_minor = 1 WHERE id = :id', { id: bad.id });

    expect(await runVerification(lab, [good])).toEqual({
      verified: { orders: 1, streams: 1, findings: 0 },
      blamed: {},
    });
    expect((await runVerification(lab, [good, bad.id])).blamed).toEqual({
      [bad.id]: ['projection_mismatch'],
    });

    const { totalMinor, id } = bad;
    await executeSql(lab, 'UPDATE orders SET total_minor = :totalMinor WHERE id = :id', { totalMinor, id });
  });

  test('an order that nobody knows is missing', async () => {
    const id = orderId('0'.repeat(26));
    expect((await runVerification(lab, [id])).blamed).toEqual({ [id]: ['order_missing'] });
  });

  test('however many streams there are, they are read by pages', async () => {
    const { db, log } = lab.store;
    const streams = Array.from({ length: 170 }, (_, i) => `ntf:mail:${i}`);
    await db.write(async (tx) => {
      for (const stream of streams) {
        const event = {
          key: `${stream}:sent`,
          type: 'NotificationSent' as const,
          stream,
          subject: placed[0] as string,
          actor: { kind: 'system' as const },
          atMs: 0,
          data: {},
        };
        await log.append(await log.lockHead(stream, tx), [event], tx);
      }
    });
    const reads = createVerificationReader(db);
    const pages: string[][] = [];
    const asked: number[] = [];
    const counted = <T>(read: (ids: readonly string[]) => Promise<T>) => {
      return (ids: readonly string[]) => {
        asked.push(ids.length);
        return read(ids);
      };
    };

    const verified = await verify(
      {
        ...createVerifyDependencies(lab),
        reads: {
          ...reads,
          listStreams: async (after, rows) => {
            const page = await reads.listStreams(after, rows);
            pages.push(page);
            return page;
          },
          findEvents: counted(reads.findEvents),
          findHeads: counted(reads.findHeads),
          findLedgerRows: counted(reads.findLedgerRows),
          findReservations: counted(reads.findReservations),
          filterKnownIntents: counted(reads.filterKnownIntents),
          filterKnownOrders: counted(reads.filterKnownOrders),
        },
      },
      () => undefined,
    );

    expect(verified.findings).toBe(0);
    expect(pages.length).toBeGreaterThan(3);
    expect(Math.max(...pages.map((page) => page.length))).toBe(50);
    expect(Math.max(...asked)).toBeLessThanOrEqual(100);
    const seen = pages.flat();
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining([...streams, ...placed]));
    // The demo's products have no events.
    const demo = seen.filter((stream) => stream.startsWith('product:'));
    expect(verified.streams).toBe(seen.length - demo.length);
  });
});

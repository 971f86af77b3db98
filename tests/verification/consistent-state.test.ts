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
  let testEnv: WorkflowTestEnv;
  const orderIds: string[] = [];
  beforeAll(async () => {
    testEnv = await WorkflowTestEnv.create({ dialect });
    for (const place of Object.values(orderFixtures)) orderIds.push((await place(testEnv)).id);
  });
  afterAll(() => testEnv.close());

  test('finds nothing for orders in every state', async () => {
    const { summary, findings } = await runVerification(testEnv);
    expect(findings).toEqual({});
    expect(summary).toMatchObject({ orders: orderIds.length, findings: 0 });
  });

  test('finds nothing after the events are published', async () => {
    await publishEvents(testEnv);
    expect((await runVerification(testEnv)).findings).toEqual({});
  });

  test('finds nothing while orders are placed, paid and cancelled', async () => {
    const findings: Finding[] = [];
    let running = true;
    const traffic = (async () => {
      while (running) {
        const { id } = await orderFixtures.confirmed(testEnv);
        await testEnv.getHandle(id).signal(cancelOrder);
      }
    })();
    try {
      await verify(createVerifyDependencies(testEnv), (finding) => findings.push(finding));
    } finally {
      running = false;
      await traffic;
    }
    expect(groupFindings(findings)).toEqual({});
  });

  test('checks an order again when it changed between two reads', async () => {
    const reads = createVerificationReader(testEnv.store.db);
    const { findReservations } = reads;
    let attempts = 0;
    reads.findReservations = async (ids) => (++attempts === 1 ? new Map() : findReservations(ids));
    expect((await runVerification(testEnv, orderIds, { reads })).findings).toEqual({});
    expect(attempts).toBe(2);
  });

  test('finds nothing while the response of a captured payment is pending', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    await testEnv.injectFault({ operation: 'confirm', mode: 'drop_after', match: { orderId: id } });
    await testEnv.startOrder(input);
    await eventually(
      'the payment is captured',
      async () => (await testEnv.listIntents(id))[0]?.status === 'succeeded',
    );

    expect((await runVerification(testEnv, [id])).findings).toEqual({});

    await testEnv.clearFaults();
    await eventually('the order is confirmed', async () =>
      (await testEnv.listEventTypes(id)).includes('OrderConfirmed'),
    );
  });

  test('checks only the given orders', async () => {
    const [intactId, tampered] = [orderIds[0] as string, await orderFixtures.confirmed(testEnv)];
    await executeSql(testEnv, 'UPDATE orders SET total_minor = 1 WHERE id = :id', { id: tampered.id });

    expect(await runVerification(testEnv, [intactId])).toEqual({
      summary: { orders: 1, streams: 1, findings: 0 },
      findings: {},
    });
    expect((await runVerification(testEnv, [intactId, tampered.id])).findings).toEqual({
      [tampered.id]: ['projection_mismatch'],
    });

    const { totalMinor, id } = tampered;
    await executeSql(testEnv, 'UPDATE orders SET total_minor = :totalMinor WHERE id = :id', {
      totalMinor,
      id,
    });
  });

  test('finds an unknown order missing', async () => {
    const id = orderId('0'.repeat(26));
    expect((await runVerification(testEnv, [id])).findings).toEqual({ [id]: ['order_missing'] });
  });

  test('reads any number of streams in pages', async () => {
    const { db, log } = testEnv.store;
    const streams = Array.from({ length: 170 }, (_, i) => `ntf:mail:${i}`);
    await db.write(async (tx) => {
      for (const stream of streams) {
        const event = {
          key: `${stream}:sent`,
          type: 'NotificationSent' as const,
          stream,
          subject: orderIds[0] as string,
          actor: { kind: 'system' as const },
          atMs: 0,
          data: {},
        };
        await log.append(await log.lockHead(stream, tx), [event], tx);
      }
    });
    const reads = createVerificationReader(db);
    const pages: string[][] = [];
    const batchSizes: number[] = [];
    const recordBatchSize = <T>(read: (ids: readonly string[]) => Promise<T>) => {
      return (ids: readonly string[]) => {
        batchSizes.push(ids.length);
        return read(ids);
      };
    };

    const summary = await verify(
      {
        ...createVerifyDependencies(testEnv),
        reads: {
          ...reads,
          listStreams: async (after, rows) => {
            const page = await reads.listStreams(after, rows);
            pages.push(page);
            return page;
          },
          findEvents: recordBatchSize(reads.findEvents),
          findHeads: recordBatchSize(reads.findHeads),
          findLedgerRows: recordBatchSize(reads.findLedgerRows),
          findReservations: recordBatchSize(reads.findReservations),
          filterKnownIntents: recordBatchSize(reads.filterKnownIntents),
          filterKnownOrders: recordBatchSize(reads.filterKnownOrders),
        },
      },
      () => undefined,
    );

    expect(summary.findings).toBe(0);
    expect(pages.length).toBeGreaterThan(3);
    expect(Math.max(...pages.map((page) => page.length))).toBe(50);
    expect(Math.max(...batchSizes)).toBeLessThanOrEqual(100);
    const streamsRead = pages.flat();
    expect(new Set(streamsRead).size).toBe(streamsRead.length);
    expect(streamsRead).toEqual(expect.arrayContaining([...streams, ...orderIds]));
    // Seeded products have no events.
    const seeded = streamsRead.filter((stream) => stream.startsWith('product:'));
    expect(summary.streams).toBe(streamsRead.length - seeded.length);
  });
});

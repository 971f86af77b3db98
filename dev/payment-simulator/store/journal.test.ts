import fs, { appendFileSync, readFileSync, truncateSync } from 'node:fs';
import { SimulatorFixture } from '../fixture';
import { startSimulator } from '../start';

const simulator = new SimulatorFixture();
beforeEach(() => simulator.start());
afterEach(async () => {
  jest.restoreAllMocks();
  await simulator.remove();
});

const lines = () => readFileSync(simulator.journalFile, 'utf8').split('\n').filter(Boolean);

test('restores objects, responses and keys after a restart', async () => {
  const paid = await simulator.createPaidIntent({ 'metadata[order_id]': 'ord_1' });
  const refund = () => simulator.post('/v1/refunds', { payment_intent: paid, amount: 90 }, 'refund');
  const refunded = await refund();
  const declined = () =>
    simulator.createIntent({ payment_method: 'pm_card_chargeDeclined', confirm: 'true' }, 'declined');
  const first = await declined();
  const read = async () => [
    (await simulator.get('/v1/payment_intents?expand[]=data.latest_charge')).body,
    (await simulator.get('/_simulator/books')).body,
    (await simulator.get('/_simulator/books/intents?order_id=ord_1')).body,
  ];
  const before = await read();

  await simulator.restart();

  expect(await read()).toEqual(before);
  expect((await refund()).body).toEqual(refunded.body);
  const replayed = await declined();
  expect(replayed.status).toBe(402);
  expect(replayed.body).toEqual(first.body);
  expect(await read()).toEqual(before);
});

test('writes one line per request and none for a replay', async () => {
  await simulator.createIntent({}, 'once');
  await simulator.createIntent({}, 'once');
  expect(lines()).toHaveLength(1);
});

test('restores both effect and key of a torn last line, or neither', async () => {
  await simulator.createIntent({}, 'complete');
  const completeBytes = readFileSync(simulator.journalFile).length;
  await simulator.createIntent({ 'metadata[name]': 'Zoë' }, 'torn');
  const bytes = readFileSync(simulator.journalFile);
  await simulator.stop();
  for (const size of [
    completeBytes,
    completeBytes + 1,
    completeBytes + 200,
    bytes.length - 1,
    bytes.length,
  ]) {
    truncateSync(simulator.journalFile, 0);
    appendFileSync(simulator.journalFile, bytes.subarray(0, size));
    await simulator.start();
    const survived = size === bytes.length;
    expect((await simulator.get('/_simulator/books')).body.intents).toBe(survived ? 2 : 1);
    const retried = await simulator.createIntent({ 'metadata[name]': 'Zoë' }, 'torn');
    expect(retried.headers.get('idempotent-replayed')).toBe(survived ? 'true' : null);
    await simulator.restart();
    expect((await simulator.get('/_simulator/books')).body.intents).toBe(2);
    await simulator.stop();
  }
});

test('fails to start on a damaged line and names it', async () => {
  await simulator.createIntent();
  await simulator.stop();
  appendFileSync(simulator.journalFile, '{"at":1,\n{"at":2}\n');
  await expect(simulator.start()).rejects.toThrow('simulator.jsonl:2 is damaged');
});

test('returns 500 without an effect if the line cannot be written completely', async () => {
  await simulator.createIntent({}, 'before');
  const write = fs.writeSync;
  const report = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const full = jest
    .spyOn(fs, 'writeSync')
    .mockImplementationOnce((fd, line) => write(fd, (line as unknown as Buffer).subarray(0, 40), 0))
    .mockImplementationOnce(() => {
      throw new Error('ENOSPC: no space left on device');
    });
  expect((await simulator.createIntent({}, 'full')).status).toBe(500);
  full.mockRestore();
  expect(report).toHaveBeenCalledWith(expect.stringContaining('ENOSPC'));
  expect((await simulator.get('/_simulator/books')).body.intents).toBe(1);

  const retried = await simulator.createIntent({}, 'full');
  expect(retried).toMatchObject({ status: 200 });
  expect(retried.headers.get('idempotent-replayed')).toBeNull();
  await simulator.restart();
  expect((await simulator.get('/_simulator/books')).body.intents).toBe(2);
});

test('does not change the journal of another process if the port is in use', async () => {
  await simulator.createIntent();
  appendFileSync(simulator.journalFile, 'half a li');
  const before = readFileSync(simulator.journalFile);
  const port = Number(new URL(simulator.url).port);
  const second = startSimulator({ journalFile: simulator.journalFile, port });
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(readFileSync(simulator.journalFile)).toEqual(before);
});

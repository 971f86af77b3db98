import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SimulatorFixture } from './fixture';

const fixture = new SimulatorFixture();
const children: ChildProcess[] = [];

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await fixture.remove();
});

function run(port: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'main.ts')], {
    env: { ...process.env, SIMULATOR_PORT: port, SIMULATOR_HOST: '', DATA_DIR: fixture.directory },
  });
  children.push(child);
  return child;
}

/** The URL in the log line of the listening process. */
async function waitUntilListening(child: ChildProcess): Promise<string> {
  const [line] = await once(child.stdout!, 'data');
  expect(String(line)).toMatch(/^simulator listening on http:\/\/127\.0\.0\.1:\d+\n$/);
  return String(line).trim().split(' ').at(-1)!;
}

const create = (url: string, key: string) =>
  fetch(`${url}/v1/payment_intents`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_1', 'idempotency-key': key },
    body: new URLSearchParams({ amount: '100', currency: 'eur' }),
  });

test('acknowledged requests survive SIGKILL, a used port fails with one message, SIGTERM exits with 0', async () => {
  const killed = run('0');
  const firstUrl = await waitUntilListening(killed);
  const acknowledged = new Map<string, string>();
  const keys = Array.from({ length: 200 }, (_, i) => `key-${i}`);
  // Killed during requests: only those with a response must survive.
  const requests = keys.map(async (key) => {
    const response = await create(firstUrl, key);
    acknowledged.set(key, ((await response.json()) as { id: string }).id);
    if (acknowledged.size === 50) killed.kill('SIGKILL');
  });
  await Promise.allSettled(requests);
  expect(acknowledged.size).toBeGreaterThanOrEqual(50);

  const restarted = run('0');
  const url = await waitUntilListening(restarted);
  for (const [key, id] of acknowledged) {
    const response = await create(url, key);
    expect(response.headers.get('idempotent-replayed')).toBe('true');
    expect(await response.json()).toMatchObject({ id });
  }

  const { port } = new URL(url);
  const second = run(port);
  const [message] = await once(second.stderr!, 'data');
  expect(String(message)).toBe(
    `simulator: port ${port} on 127.0.0.1 is already in use; set SIMULATOR_PORT to another port\n`,
  );
  expect(await once(second, 'exit')).toEqual([1, null]);

  restarted.kill('SIGTERM');
  expect(await once(restarted, 'exit')).toEqual([0, null]);
});

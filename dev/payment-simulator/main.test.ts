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

/** The address from the line that says it is listening. */
async function listening(child: ChildProcess): Promise<string> {
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

test('what was acknowledged survives SIGKILL, a busy port is one clear sentence, SIGTERM ends it well', async () => {
  const killed = run('0');
  const firstUrl = await listening(killed);
  const acknowledged = new Map<string, string>();
  const keys = Array.from({ length: 200 }, (_, i) => `key-${i}`);
  // Killed while requests run: some are answered, some are not, and only the answered ones are promised.
  const requests = keys.map(async (key) => {
    const response = await create(firstUrl, key);
    acknowledged.set(key, ((await response.json()) as { id: string }).id);
    if (acknowledged.size === 50) killed.kill('SIGKILL');
  });
  await Promise.allSettled(requests);
  expect(acknowledged.size).toBeGreaterThanOrEqual(50);

  const child = run('0');
  const url = await listening(child);
  for (const [key, id] of acknowledged) {
    const response = await create(url, key);
    expect(response.headers.get('idempotent-replayed')).toBe('true');
    expect(await response.json()).toMatchObject({ id });
  }

  const { port } = new URL(url);
  const late = run(port);
  const [message] = await once(late.stderr!, 'data');
  expect(String(message)).toBe(
    `simulator: port ${port} on 127.0.0.1 is already in use; set SIMULATOR_PORT to another one\n`,
  );
  expect(await once(late, 'exit')).toEqual([1, null]);

  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

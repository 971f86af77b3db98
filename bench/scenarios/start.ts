import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inheritEnvironment } from '../../config/start';
import { findFreePort } from '../../dev/launcher/ports';
import { buildScriptCommand, startChild } from '../../dev/launcher/supervisor';
import { closeConnections, send } from '../harness/http';
import type { Reporter } from '../harness/results';
import { buildOrderBody } from './orders';

const STOP_GRACE_MS = 40_000;
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 25;

/** Measures the time from `npm start` to the first confirmed order, with everything installed. */
export async function measureStart(report: Reporter): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'orders-bench-start-'));
  const ports: Record<string, string> = {};
  for (const name of [
    'PORT',
    'TEMPORAL_PORT',
    'TEMPORAL_UI_PORT',
    'SIMULATOR_PORT',
    'MAIL_SMTP_PORT',
    'MAIL_UI_PORT',
  ])
    ports[name] = String(await findFreePort());
  const startedMs = performance.now();
  const system = startChild({
    name: 'npm start',
    ...buildScriptCommand('dev/launcher/start.ts'),
    env: inheritEnvironment({ ...ports, DATA_DIR: dir }),
    logFile: join(dir, 'start.log'),
  });
  try {
    const url = `http://127.0.0.1:${ports.PORT}/api/orders`;
    const placeOrder = () =>
      send(url, buildOrderBody(0), { 'idempotency-key': 'first' }).then(
        ({ status }) => status === 201,
        () => false,
      );
    while (!(await placeOrder())) {
      if (performance.now() - startedMs > START_TIMEOUT_MS)
        throw new Error(`npm start accepts no orders after ${START_TIMEOUT_MS} ms`);
      await delay(POLL_MS);
    }
    report({
      name: 'from npm start to the first confirmed order',
      value: (performance.now() - startedMs) / 1_000,
      unit: 's',
      target: { atMost: 7 },
    });
  } finally {
    closeConnections();
    await system.stop(STOP_GRACE_MS);
    rmSync(dir, { recursive: true, force: true });
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolLocations } from '../../config/start';
import { freePort } from '../../scripts/ports';
import { findTemporalCli } from '../../scripts/temporal-cli';
import { startDevServer } from '../../scripts/temporal-server';
import { findMariaDb, startMariaDb } from './mariadb';
import { shareServers } from './servers';

declare global {
  /** Ends what this run of jest has started; several projects name this setup, one run has one set of servers. */
  var stopSharedServers: (() => Promise<void>) | undefined;
}

/** One Temporal and, where it is installed, one MariaDB for all suites. They die with jest, however it ends. */
export default async function startSharedServers(): Promise<void> {
  if (globalThis.stopSharedServers) return;
  const dir = mkdtempSync(join(tmpdir(), 'orders-tests-'));
  const stops: (() => Promise<unknown>)[] = [];
  globalThis.stopSharedServers = async () => {
    globalThis.stopSharedServers = undefined;
    await Promise.all(stops.map((stop) => stop()));
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const [temporal, mysqlAdminUrl] = await Promise.all([startTemporal(dir, stops), startMySql(dir, stops)]);
    shareServers({ ...temporal, mysqlAdminUrl });
  } catch (error) {
    await globalThis.stopSharedServers();
    throw error;
  }
}

async function startTemporal(dir: string, stops: (() => Promise<unknown>)[]) {
  const temporalCli = await findTemporalCli({
    ...toolLocations(),
    progress: (text) => process.stderr.write(`${text}\n`),
  });
  const server = await startDevServer({
    cli: temporalCli,
    port: await freePort(),
    namespace: 'default',
    logFile: join(dir, 'temporal.log'),
  });
  // Nothing of it is kept: no need to wait for a clean end.
  stops.push(server.kill);
  return { temporalAddress: server.address, temporalCli };
}

async function startMySql(dir: string, stops: (() => Promise<unknown>)[]): Promise<string | undefined> {
  if (!findMariaDb()) return undefined;
  const mariaDb = await startMariaDb({ dir: join(dir, 'mariadb') });
  stops.push(mariaDb.kill);
  return mariaDb.adminUrl;
}

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { getToolLocations } from '../../../config/start';
import { findFreePort } from '../../../dev/launcher/ports';
import { findTemporalCli, startDevServer } from '../../../dev/launcher/temporal-cli';
import stopSharedServers from './global-teardown';
import { findMariaDb, startMariaDb } from './mariadb';
import { runningServers } from './running-servers';
import { exportServerConfig } from './server-config';

/**
 * Starts one Temporal server and, if installed, one MariaDB for the whole run; several jest projects share this setup.
 * The servers exit with jest, also when it is killed.
 */
export default async function startSharedServers(): Promise<void> {
  if (runningServers.dir) return;
  const dir = mkdtempSync(join(tmpdir(), 'orders-tests-'));
  runningServers.dir = dir;
  // Inside the project, so that compiled code resolves its packages.
  runningServers.cacheDir = resolve(__dirname, '../../../.cache', basename(dir));
  try {
    const [temporalCli] = await Promise.all([startSharedTemporal(dir), startSharedMariaDb(dir)]);
    exportServerConfig({
      temporalAddress: runningServers.temporal!.address,
      temporalCli,
      mysqlAdminUrl: runningServers.mariadb?.adminUrl,
      distDir: join(runningServers.cacheDir, 'dist'),
    });
  } catch (error) {
    await stopSharedServers();
    throw error;
  }
}

async function startSharedTemporal(dir: string): Promise<string> {
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const cli = await findTemporalCli({ ...getToolLocations(), progress });
  const logFile = join(dir, 'temporal.log');
  // An in-memory database loses all data when a client is killed during a request (temporalio/temporal#3784).
  const dbFile = join(dir, 'temporal.db');
  const options = { cli, port: await findFreePort(), namespace: 'default', dbFile, logFile };
  runningServers.temporal = await startDevServer(options);
  return cli;
}

async function startSharedMariaDb(dir: string): Promise<void> {
  if (findMariaDb()) runningServers.mariadb = await startMariaDb({ dir: join(dir, 'mariadb') });
}

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { toolLocations } from '../../../config/start';
import { freePort } from '../../../dev/launcher/ports';
import { findTemporalCli, startDevServer } from '../../../dev/launcher/temporal-cli';
import stopSharedServers from './global-teardown';
import { findMariaDb, startMariaDb } from './mariadb';
import { shareServers } from './servers';
import { shared } from './shared-servers';

/**
 * One Temporal and, where it is installed, one MariaDB for the whole run: several projects name this setup. They die
 * with jest, however it ends.
 */
export default async function startSharedServers(): Promise<void> {
  if (shared.dir) return;
  const dir = mkdtempSync(join(tmpdir(), 'orders-tests-'));
  shared.dir = dir;
  // Inside the project, where its packages are found.
  shared.cacheDir = resolve(__dirname, '../../../.cache', basename(dir));
  try {
    const [temporalCli] = await Promise.all([startTemporal(dir), startMySql(dir)]);
    shareServers({
      temporalAddress: shared.temporal!.address,
      temporalCli,
      mysqlAdminUrl: shared.mariadb?.adminUrl,
      distDir: join(shared.cacheDir, 'dist'),
    });
  } catch (error) {
    await stopSharedServers();
    throw error;
  }
}

async function startTemporal(dir: string): Promise<string> {
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const cli = await findTemporalCli({ ...toolLocations(), progress });
  const logFile = join(dir, 'temporal.log');
  // In memory it would lose everything when a client is killed in the middle of a request (temporalio/temporal#3784).
  const dbFile = join(dir, 'temporal.db');
  const options = { cli, port: await freePort(), namespace: 'default', dbFile, logFile };
  shared.temporal = await startDevServer(options);
  return cli;
}

async function startMySql(dir: string): Promise<void> {
  if (findMariaDb()) shared.mariadb = await startMariaDb({ dir: join(dir, 'mariadb') });
}

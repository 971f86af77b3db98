import { rmSync } from 'node:fs';
import { runningServers } from './running-servers';

/** Kills the servers: their data is deleted, so a clean shutdown would only cost time. */
export default async function stopSharedServers(): Promise<void> {
  const { dir, cacheDir, temporal, mariadb } = runningServers;
  if (!dir) return;
  await Promise.all([temporal?.kill(), mariadb?.kill()]);
  for (const path of [dir, cacheDir ?? dir]) rmSync(path, { recursive: true, force: true });
  runningServers.dir = undefined;
}

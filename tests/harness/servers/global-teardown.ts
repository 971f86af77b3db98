import { rmSync } from 'node:fs';
import { runningServers } from './running-servers';

/** Nothing of the servers is kept, so there is no clean end to wait for. */
export default async function stopSharedServers(): Promise<void> {
  const { dir, cacheDir, temporal, mariadb } = runningServers;
  if (!dir) return;
  await Promise.all([temporal?.kill(), mariadb?.kill()]);
  for (const path of [dir, cacheDir ?? dir]) rmSync(path, { recursive: true, force: true });
  runningServers.dir = undefined;
}

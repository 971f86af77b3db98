import { rmSync } from 'node:fs';
import { shared } from './shared-servers';

/** Nothing of the servers is kept, so there is no clean end to wait for. */
export default async function stopSharedServers(): Promise<void> {
  const { dir, temporal, mariadb } = shared;
  if (!dir) return;
  await Promise.all([temporal?.kill(), mariadb?.kill()]);
  rmSync(dir, { recursive: true, force: true });
  shared.dir = undefined;
}

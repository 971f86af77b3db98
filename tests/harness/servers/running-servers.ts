import type { DevServer } from '../../../dev/launcher/temporal-cli';
import type { MariaDb } from './mariadb';

interface RunningServers {
  dir?: string | undefined;
  cacheDir?: string;
  temporal?: DevServer;
  mariadb?: MariaDb;
}

/** Set-up and teardown are separate modules, loaded once for each suite: what they share stands on the global object. */
const globalScope = globalThis as { durableOrdersServers?: RunningServers };
globalScope.durableOrdersServers ??= {};
export const runningServers: RunningServers = globalScope.durableOrdersServers;

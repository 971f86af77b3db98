import type { DevServer } from '../../../dev/launcher/temporal-cli';
import type { MariaDb } from './mariadb';

interface RunningServers {
  dir?: string | undefined;
  cacheDir?: string;
  temporal?: DevServer;
  mariadb?: MariaDb;
}

/** Jest loads setup and teardown as separate module instances, so they share state through the global object. */
const globalScope = globalThis as { durableOrdersServers?: RunningServers };
globalScope.durableOrdersServers ??= {};
export const runningServers: RunningServers = globalScope.durableOrdersServers;

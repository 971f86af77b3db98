import type { DevServer } from '../../../dev/launcher/temporal-cli';
import type { MariaDb } from './mariadb';

interface SharedServers {
  dir?: string | undefined;
  cacheDir?: string;
  temporal?: DevServer;
  mariadb?: MariaDb;
}

/** Set-up and teardown are separate modules, loaded once for each suite: what they share stands on the global object. */
const holder = globalThis as { durableOrdersServers?: SharedServers };
holder.durableOrdersServers ??= {};
export const shared: SharedServers = holder.durableOrdersServers;

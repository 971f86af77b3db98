import { existsSync } from 'node:fs';
import { loadOrCreateAuditKey } from './audit-key';
import { type Config, parseConfig } from './config';
import { buildChildEnvironment, inheritEnvironment, loadStartConfig } from './start';

/**
 * Returns the configuration of the system that `npm start` runs on this machine, for commands outside its processes.
 * @throws ConfigError, or Error before the first start.
 */
export function loadLocalConfig(): Config {
  const start = loadStartConfig();
  if (start.auditKey === undefined && !existsSync(start.dataDir)) {
    throw new Error(
      `The data directory ${start.dataDir} does not exist: run npm start first, or set DATA_DIR.`,
    );
  }
  const key = start.auditKey ?? loadOrCreateAuditKey(start.dataDir);
  return parseConfig(inheritEnvironment(buildChildEnvironment(start, key)));
}

import { existsSync } from 'node:fs';
import { type Config, parseConfig } from '../../config/config';
import { buildChildEnvironment, inheritEnvironment, loadStartConfig } from '../../config/start';
import { loadOrCreateAuditKey } from './data-dir';

/**
 * The configuration of the system that `npm start` runs here, for commands that look at it from outside.
 * @throws ConfigError, or Error when nothing has been started here yet.
 */
export function loadLocalConfig(): Config {
  const start = loadStartConfig();
  if (start.auditKey === undefined && !existsSync(start.dataDir)) {
    throw new Error(`There is no data in ${start.dataDir} yet: run npm start first, or set DATA_DIR.`);
  }
  const key = start.auditKey ?? loadOrCreateAuditKey(start.dataDir);
  return parseConfig(inheritEnvironment(buildChildEnvironment(start, key)));
}

/**
 * Addresses of the servers that global-setup.ts starts for a test run. They are passed in the environment, because suites
 * may run in other processes.
 */
export interface ServerConfig {
  /** `127.0.0.1:port` of the Temporal dev server, namespace `default`. */
  temporalAddress: string;
  /** The `temporal` command. */
  temporalCli: string;
  /** `mysql://…` of the MariaDB administrator; undefined when MariaDB is not installed. */
  mysqlAdminUrl: string | undefined;
  /** Output folder of the compiled system; created on first use (compiled-system.ts). */
  distDir: string;
}

export function exportServerConfig(servers: ServerConfig): void {
  process.env.TEST_TEMPORAL_ADDRESS = servers.temporalAddress;
  process.env.TEST_TEMPORAL_CLI = servers.temporalCli;
  process.env.TEST_DIST_DIR = servers.distDir;
  if (servers.mysqlAdminUrl) process.env.TEST_MYSQL_ADMIN_URL = servers.mysqlAdminUrl;
  else delete process.env.TEST_MYSQL_ADMIN_URL;
}

/** @throws Error outside the jest projects that have the global setup. */
export function getServerConfig(): ServerConfig {
  const { TEST_TEMPORAL_ADDRESS, TEST_TEMPORAL_CLI, TEST_MYSQL_ADMIN_URL, TEST_DIST_DIR } = process.env;
  if (!TEST_TEMPORAL_ADDRESS || !TEST_TEMPORAL_CLI || !TEST_DIST_DIR) {
    throw new Error(
      'Test servers are not running: add tests/harness/servers/global-setup.ts to the jest project.',
    );
  }
  return {
    temporalAddress: TEST_TEMPORAL_ADDRESS,
    temporalCli: TEST_TEMPORAL_CLI,
    mysqlAdminUrl: TEST_MYSQL_ADMIN_URL,
    distDir: TEST_DIST_DIR,
  };
}

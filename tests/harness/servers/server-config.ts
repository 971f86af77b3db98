/**
 * The servers that a test run has in common (global-setup.ts). Its addresses reach the suites, which may run in other
 * processes, through the environment.
 */
export interface ServerConfig {
  /** `127.0.0.1:port` of Temporal's development server, namespace `default`. */
  temporalAddress: string;
  /** The `temporal` command. */
  temporalCli: string;
  /** `mysql://…` of MariaDB's administrator; undefined when MariaDB is not installed. */
  mysqlAdminUrl: string | undefined;
  /** Where the compiled system is, once a suite has asked for it (compiled.ts). */
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
      'No servers are shared here: does the jest project name tests/harness/servers/global-setup.ts?',
    );
  }
  return {
    temporalAddress: TEST_TEMPORAL_ADDRESS,
    temporalCli: TEST_TEMPORAL_CLI,
    mysqlAdminUrl: TEST_MYSQL_ADMIN_URL,
    distDir: TEST_DIST_DIR,
  };
}

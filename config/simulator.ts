import { join } from 'node:path';

export interface SimulatorConfig {
  host: string;
  /** 0: any free port. */
  port: number;
  journalFile: string;
}

/**
 * Reads the payment simulator's configuration: `SIMULATOR_HOST` (127.0.0.1), `SIMULATOR_PORT` (12111) and `DATA_DIR`
 * (.data). An empty value counts as unset.
 * @throws Error that names the invalid variable.
 */
export function loadSimulatorConfig(env: NodeJS.ProcessEnv = process.env): SimulatorConfig {
  const port = env.SIMULATOR_PORT || '12111';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new Error(`SIMULATOR_PORT must be a port number from 0 to 65535, not "${port}"`);
  }
  return {
    host: env.SIMULATOR_HOST || '127.0.0.1',
    port: Number(port),
    journalFile: join(env.DATA_DIR || '.data', 'simulator.jsonl'),
  };
}

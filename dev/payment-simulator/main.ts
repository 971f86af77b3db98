import { loadSimulatorConfig } from '../../config/simulator';
import { startSimulator } from './start';

/** Runs the payment simulator as a separate process. */
async function main(): Promise<void> {
  const config = loadSimulatorConfig();
  const simulator = await startSimulator(config).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new Error(
        `port ${config.port} on ${config.host} is already in use; set SIMULATOR_PORT to another port`,
      );
    }
    throw error;
  });
  process.stdout.write(`simulator listening on ${simulator.url}\n`);

  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    simulator.close().then(() => process.exit(0), fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function fail(error: unknown): void {
  process.stderr.write(`simulator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);

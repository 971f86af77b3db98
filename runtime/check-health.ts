import { getHealthUrl } from '../config/health';

const TIMEOUT_MS = 4_000;

/** Health check of a container: exits with 0 when the process on this machine returns a 2xx status. */
async function main(): Promise<void> {
  const url = process.argv[2] ?? getHealthUrl();
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  process.stdout.write(`${await response.text()}\n`);
  process.exitCode = response.ok ? 0 : 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

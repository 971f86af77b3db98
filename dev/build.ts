import { resolve } from 'node:path';
import { compile } from './compile';
import { exitWithParent } from './launcher/watchdog';

/** `npm run build`: compiles everything that runs in production into `dist/`. */
async function main(): Promise<void> {
  const startedMs = performance.now();
  await compile(resolve(__dirname, '..', 'dist'));
  process.stdout.write(`Built dist/ in ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`);
}

exitWithParent();
main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);

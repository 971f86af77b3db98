import { loadMailCatcherConfig } from '../../config/mail-catcher';
import { createMailCatcher } from './catcher';

async function main(): Promise<void> {
  const catcher = await createMailCatcher(loadMailCatcherConfig());
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void catcher.close().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.stdout.write(`mail catcher listening: ${catcher.smtpUrl} ${catcher.httpUrl}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

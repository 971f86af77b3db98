import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Routes the logs of the SDK and of workflows to `log`. Call once per process, before the first connection. */
export function installRuntime(log: Logger): void {
  Runtime.install({
    logger: new DefaultLogger(log.level === 'debug' ? 'DEBUG' : 'INFO', ({ level, message, meta }) => {
      // The task token is long and not useful in logs.
      const { taskToken: _, ...rest } = meta ?? {};
      log[LEVELS[level]](rest, message);
    }),
    // The process stops its components in order; the SDK's signal handler would stop workers before the API.
    shutdownSignals: [],
  });
}

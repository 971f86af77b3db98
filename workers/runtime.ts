import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Sends what the SDK and the workflows log through our logger. Once per process, before the first connection. */
export function installRuntime(log: Logger): void {
  Runtime.install({
    logger: new DefaultLogger(log.level === 'debug' ? 'DEBUG' : 'INFO', ({ level, message, meta }) => {
      // The token is long and says nothing to a reader.
      const { taskToken: _, ...rest } = meta ?? {};
      log[LEVELS[level]](rest, message);
    }),
    // The process stops its parts in their order; the SDK's own handler would stop workers before the API.
    shutdownSignals: [],
  });
}

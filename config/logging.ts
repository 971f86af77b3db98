import pino, { type Logger } from 'pino';
import type { Config } from './config';

/** Logs JSON lines to standard output. Callers choose what to log; the redaction is a second safeguard. */
export const createLogger = (level: Config['logLevel'], name: string): Logger =>
  pino({
    name,
    level,
    redact: {
      paths: ['*.password', '*.token', '*.authorization', '*.email', '*.phone', '*.apiKey', '*.smtpUrl'],
      censor: '[redacted]',
    },
  });

import pino, { type Logger } from 'pino';
import type { Config } from './config';

/** JSON lines on standard output. What is logged is chosen at the call; this is the net beneath it. */
export const createLogger = (level: Config['logLevel'], name: string): Logger =>
  pino({
    name,
    level,
    redact: {
      paths: ['*.password', '*.token', '*.authorization', '*.email', '*.phone', '*.apiKey', '*.smtpUrl'],
      censor: '[redacted]',
    },
  });

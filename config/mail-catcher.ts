import path from 'node:path';

export interface MailCatcherConfig {
  smtpPort: number;
  httpPort: number;
  host: string;
  directory: string;
}

const MAX_PORT = 65_535;

/**
 * Reads the mail catcher's configuration: `MAIL_SMTP_PORT` (1025), `MAIL_UI_PORT` (8025; 0: any free port), `MAIL_HOST`
 * (127.0.0.1, because it accepts mail without authentication), `DATA_DIR` (.data).
 * @throws Error that names every invalid variable.
 */
export function loadMailCatcherConfig(env: NodeJS.ProcessEnv = process.env): MailCatcherConfig {
  const issues: string[] = [];
  const port = (name: string, fallback: number): number => {
    const value = env[name] || String(fallback);
    if (/^\d{1,5}$/.test(value) && Number(value) <= MAX_PORT) return Number(value);
    issues.push(`${name} must be a port from 0 to ${MAX_PORT}, not "${value}"`);
    return fallback;
  };
  const config: MailCatcherConfig = {
    smtpPort: port('MAIL_SMTP_PORT', 1025),
    httpPort: port('MAIL_UI_PORT', 8025),
    host: env.MAIL_HOST || '127.0.0.1',
    directory: path.join(env.DATA_DIR || '.data', 'mail'),
  };
  if (config.smtpPort !== 0 && config.smtpPort === config.httpPort) {
    issues.push('MAIL_SMTP_PORT and MAIL_UI_PORT must differ');
  }
  if (issues.length > 0) throw new Error(`The configuration is invalid: ${issues.join('; ')}.`);
  return config;
}

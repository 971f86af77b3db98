import path from 'node:path';

export interface MailCatcherConfig {
  smtpPort: number;
  httpPort: number;
  host: string;
  directory: string;
}

const MAX_PORT = 65_535;

/**
 * Where the mail catcher listens and keeps its mails: `MAIL_SMTP_PORT` (1025), `MAIL_UI_PORT` (8025; 0 for either
 * takes any free port), `MAIL_HOST` (127.0.0.1: it takes mail from everyone), `DATA_DIR` (.data).
 * @throws Error that names every fault.
 */
export function loadMailCatcherConfig(env: NodeJS.ProcessEnv = process.env): MailCatcherConfig {
  const faults: string[] = [];
  const port = (name: string, fallback: number): number => {
    const value = env[name] || String(fallback);
    if (/^\d{1,5}$/.test(value) && Number(value) <= MAX_PORT) return Number(value);
    faults.push(`${name} must be a port from 0 to ${MAX_PORT}, not "${value}"`);
    return fallback;
  };
  const config: MailCatcherConfig = {
    smtpPort: port('MAIL_SMTP_PORT', 1025),
    httpPort: port('MAIL_UI_PORT', 8025),
    host: env.MAIL_HOST || '127.0.0.1',
    directory: path.join(env.DATA_DIR || '.data', 'mail'),
  };
  if (config.smtpPort !== 0 && config.smtpPort === config.httpPort) {
    faults.push('MAIL_SMTP_PORT and MAIL_UI_PORT must differ');
  }
  if (faults.length > 0) throw new Error(`The configuration is not valid: ${faults.join('; ')}.`);
  return config;
}

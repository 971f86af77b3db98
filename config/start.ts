import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError, parseConfig } from './config';

/** The configuration of `npm start`: which services it starts itself, and their ports. */
export interface StartConfig {
  host: string;
  port: number;
  dataDir: string;
  /** With an `externalAddress` (TEMPORAL_ADDRESS) no server is started. */
  temporal: {
    externalAddress: string | undefined;
    namespace: string;
    port: number;
    uiPort: number;
    uiUrl: string | undefined;
  };
  /** Undefined when a payment provider is configured (STRIPE_API_KEY). */
  simulator: { port: number } | undefined;
  /** Undefined when a mail server is configured (SMTP_URL). */
  mailCatcher: { smtpPort: number; uiPort: number } | undefined;
  /** Undefined: a key is created in the data directory. */
  auditKey: string | undefined;
  /** Recipient of stock alerts; undefined: an example address, when the mail catcher runs. */
  staffEmail: string | undefined;
  /** Whether provider, database and keys are all local; only then are accounts with a printed password created. */
  hasDevelopmentAccounts: boolean;
}

export type Environment = Record<string, string | undefined>;

const MAX_PORT = 65_535;
const portSchema = (fallback: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/, `must be a port from 1 to ${MAX_PORT}`)
    .transform(Number)
    .refine((value) => value >= 1 && value <= MAX_PORT, `must be a port from 1 to ${MAX_PORT}`)
    .default(fallback);

const environmentSchema = z.object({
  PORT: portSchema(3000),
  TEMPORAL_PORT: portSchema(7233),
  TEMPORAL_UI_PORT: portSchema(8233),
  SIMULATOR_PORT: portSchema(12_111),
  MAIL_SMTP_PORT: portSchema(1025),
  MAIL_UI_PORT: portSchema(8025),
});
type Ports = z.output<typeof environmentSchema>;

/** Only for validation: the actual key is created when the data directory is known to be writable. */
const PLACEHOLDER_KEY = '0'.repeat(64);

/** @throws ConfigError that names every invalid variable of all processes to start, before one starts. */
export function parseStartConfig(env: Environment): StartConfig {
  const present: Environment = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(present);
  const issues = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  const start = toStartConfig(present, parsed.success ? parsed.data : environmentSchema.parse({}));
  issues.push(...findDuplicatePorts(start));
  if (present.STRIPE_API_URL && !present.STRIPE_API_KEY) {
    issues.push('STRIPE_API_URL is set, but STRIPE_API_KEY is not');
  }
  try {
    parseConfig({ ...present, ...buildChildEnvironment(start, PLACEHOLDER_KEY) });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const named = new Set(issues.map((issue) => issue.split(' ')[0]));
    issues.push(...error.issues.filter((issue) => !named.has(issue.split(' ')[0])));
  }
  if (issues.length > 0) throw new ConfigError(issues);
  return start;
}

function toStartConfig(env: Environment, ports: Ports): StartConfig {
  return {
    host: env.HOST ?? '127.0.0.1',
    port: ports.PORT,
    dataDir: resolve(env.DATA_DIR ?? '.data'),
    temporal: {
      externalAddress: env.TEMPORAL_ADDRESS,
      namespace: env.TEMPORAL_NAMESPACE ?? 'default',
      port: ports.TEMPORAL_PORT,
      uiPort: ports.TEMPORAL_UI_PORT,
      uiUrl: env.TEMPORAL_UI_URL,
    },
    simulator: env.STRIPE_API_KEY ? undefined : { port: ports.SIMULATOR_PORT },
    mailCatcher: env.SMTP_URL ? undefined : { smtpPort: ports.MAIL_SMTP_PORT, uiPort: ports.MAIL_UI_PORT },
    auditKey: env.AUDIT_KEY,
    staffEmail: env.STAFF_MAIL,
    hasDevelopmentAccounts: !env.STRIPE_API_KEY && !env.DATABASE_URL && !env.AUDIT_KEY,
  };
}

function findDuplicatePorts({ port: apiPort, temporal, simulator, mailCatcher }: StartConfig): string[] {
  const used: [variable: string, port: number][] = [['PORT', apiPort]];
  if (!temporal.externalAddress)
    used.push(['TEMPORAL_PORT', temporal.port], ['TEMPORAL_UI_PORT', temporal.uiPort]);
  if (simulator) used.push(['SIMULATOR_PORT', simulator.port]);
  if (mailCatcher) used.push(['MAIL_SMTP_PORT', mailCatcher.smtpPort], ['MAIL_UI_PORT', mailCatcher.uiPort]);
  return used.flatMap(([variable, value], i) => {
    const other = used.slice(0, i).find(([, earlier]) => earlier === value);
    return other ? [`${variable} and ${other[0]} must differ, both are ${value}`] : [];
  });
}

/** The variables added for the processes started here: the addresses of the other services. */
export function buildChildEnvironment(start: StartConfig, auditKey: string): Environment {
  const { temporal, simulator, mailCatcher } = start;
  return {
    HOST: start.host,
    PORT: String(start.port),
    DATA_DIR: start.dataDir,
    TEMPORAL_NAMESPACE: temporal.namespace,
    TEMPORAL_ADDRESS: temporal.externalAddress ?? `127.0.0.1:${temporal.port}`,
    ...(temporal.externalAddress
      ? {}
      : { TEMPORAL_UI_URL: temporal.uiUrl ?? `http://127.0.0.1:${temporal.uiPort}` }),
    ...(simulator && {
      SIMULATOR_HOST: '127.0.0.1',
      SIMULATOR_PORT: String(simulator.port),
      STRIPE_API_URL: `http://127.0.0.1:${simulator.port}`,
      STRIPE_API_KEY: 'sk_test_simulator',
    }),
    ...(mailCatcher && {
      MAIL_SMTP_PORT: String(mailCatcher.smtpPort),
      MAIL_UI_PORT: String(mailCatcher.uiPort),
      SMTP_URL: `smtp://127.0.0.1:${mailCatcher.smtpPort}`,
      STAFF_MAIL: start.staffEmail ?? 'staff@orders.example',
    }),
    AUDIT_KEY: start.auditKey ?? auditKey,
  };
}

export const loadStartConfig = (): StartConfig => parseStartConfig(process.env);

/** Merges changes into the environment of this process, for a child. */
export const inheritEnvironment = (changes: Environment): Environment => ({ ...process.env, ...changes });

/** The folders that are searched for tools, and the caches for downloaded tools. */
export function getToolLocations(env: Environment = process.env): { path: string; cacheDirs: string[] } {
  const userCache = env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache');
  const project = resolve(__dirname, '..', '.cache', 'temporal');
  return { path: env.PATH ?? '', cacheDirs: [join(userCache, 'durable-orders', 'temporal'), project] };
}

/** Whether suites that cannot run count as failed. */
export const isCi = (env: Environment = process.env): boolean => !['', '0', 'false'].includes(env.CI ?? '');

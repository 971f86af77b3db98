import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError, parseConfig } from './config';

/** What `npm start` is told from outside: which parts it starts itself, and where they listen. */
export interface StartConfig {
  host: string;
  port: number;
  dataDir: string;
  /** `server` is one that runs already (TEMPORAL_ADDRESS): then none is started. */
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
  /** Undefined when one must be made. */
  auditKey: string | undefined;
  /** Who is told of low stock; undefined: a made-up address, where mails are caught. */
  staffEmail: string | undefined;
  /** Whether payments, database and keys are all made up here. Only then are there accounts whose password is printed. */
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

/** Only its form matters here: the real one is made once the data directory is known to be writable. */
const PLACEHOLDER_KEY = '0'.repeat(64);

/** @throws ConfigError that names the faults of everything that will be started, before anything is. */
export function parseStartConfig(env: Environment): StartConfig {
  const present: Environment = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(present);
  const faults = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  const start = toStartConfig(present, parsed.success ? parsed.data : environmentSchema.parse({}));
  faults.push(...findDuplicatePorts(start));
  if (present.STRIPE_API_URL && !present.STRIPE_API_KEY) {
    faults.push('STRIPE_API_URL is set, but STRIPE_API_KEY is not');
  }
  try {
    parseConfig({ ...present, ...buildChildEnvironment(start, PLACEHOLDER_KEY) });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const named = new Set(faults.map((fault) => fault.split(' ')[0]));
    faults.push(...error.issues.filter((fault) => !named.has(fault.split(' ')[0])));
  }
  if (faults.length > 0) throw new ConfigError(faults);
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

/** What the processes started here are told in addition: where the other parts are. */
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

/** The environment of this process with some of it changed, for a child. */
export const inheritEnvironment = (changes: Environment): Environment => ({ ...process.env, ...changes });

/** Where the tools of this machine are looked for and kept. */
export function getToolLocations(env: Environment = process.env): { path: string; cacheDirs: string[] } {
  const userCache = env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache');
  const project = resolve(__dirname, '..', '.cache', 'temporal');
  return { path: env.PATH ?? '', cacheDirs: [join(userCache, 'durable-orders', 'temporal'), project] };
}

/** Whether an automatic run must not leave anything out. */
export const isCi = (env: Environment = process.env): boolean => !['', '0', 'false'].includes(env.CI ?? '');

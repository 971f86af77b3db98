import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { parseConfig } from '../../config/config';
import { loadMigrateConfig } from '../../config/migrate';
import { ALL_QUEUES, parseQueues } from '../../workers/queues';
import { renderAccountsSql } from './production-deployment';

const ROOT = resolve(__dirname, '../..');
const readProjectFile = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Service {
  profiles?: string[];
  image: string;
  build?: string;
  command?: string[];
  restart: string;
  environment: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
  ports?: string[];
  volumes?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  init?: boolean;
  privileged?: boolean;
  user?: string;
}

const COMPOSE_SOURCE = readProjectFile('docker-compose.yml');
const { services, volumes } = parse(COMPOSE_SOURCE, { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const allServices = Object.entries(services);
const applicationServices = allServices.filter(([, service]) => service.build !== undefined);
const isJob = (service: Service) => service.restart === 'no';

test('declares every service of the system', () => {
  expect(Object.keys(services).toSorted()).toEqual(
    [
      ...['api', 'mail-catcher', 'migrate', 'mysql', 'sequencer', 'simulator'],
      ...['temporal', 'temporal-db', 'temporal-ui', 'worker'],
    ].toSorted(),
  );
});

test('runs the workers in the process of the API by default, and separate ones to scale out', () => {
  const [, script, option, queues = ''] = services.api?.command ?? [];
  expect([script, option]).toEqual(['dist/system/main.js', '--queues']);
  expect(parseQueues([option ?? '', queues], 'single')).toEqual(ALL_QUEUES);
  expect(services.api?.environment.TASK_QUEUES).toBe('single');
  expect(allServices.filter(([, { profiles }]) => profiles !== undefined).map(([name]) => name)).toEqual([
    'worker',
  ]);
});

test.each(allServices)('%s has a health check and restarts, or is a job', (_name, service) => {
  if (isJob(service)) expect(service.healthcheck).toEqual({ disable: true });
  else {
    expect(service.healthcheck?.test?.length).toBeGreaterThan(1);
    expect(service.restart).toBe('unless-stopped');
  }
});

test.each(allServices)('%s has an exact image version', (_name, { image }) => {
  expect(image).toMatch(/^[\w./-]+:\d+\.\d+[\w.-]*$/);
});

test.each(allServices.flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port] as const)))(
  '%s publishes its port on the loopback address only: %s',
  (_name, port) => expect(port).toMatch(/^127\.0\.0\.1:/),
);

test.each(applicationServices)('%s runs without additional privileges', (_name, service) => {
  expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], init: true });
  expect(service.security_opt).toContain('no-new-privileges:true');
  expect([service.user, service.privileged]).toEqual([undefined, undefined]);
});

test('starts each service after its dependencies are healthy or completed', () => {
  for (const [name, { depends_on = {} }] of allServices) {
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      const target = services[needed];
      expect([name, needed, target !== undefined]).toEqual([name, needed, true]);
      const expected = target && isJob(target) ? 'service_completed_successfully' : 'service_healthy';
      expect([name, needed, condition]).toEqual([name, needed, expected]);
    }
  }
  for (const name of ['api', 'worker', 'sequencer']) {
    expect([name, Object.keys(services[name]?.depends_on ?? {})]).toEqual([
      name,
      expect.arrayContaining(['migrate', 'mysql', 'temporal']),
    ]);
  }
});

test('passes only variables that the configuration reads', () => {
  const known = readdirSync(join(ROOT, 'config'))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readProjectFile(`config/${file}`))
    .join('\n');
  for (const [name, { environment }] of applicationServices) {
    for (const variable of Object.keys(environment)) {
      expect([name, variable, new RegExp(`\\b${variable}\\b`).test(known)]).toEqual([name, variable, true]);
    }
  }
});

/** Set in the Dockerfile. */
const SET_BY_IMAGE = ['HOST', 'DATA_DIR'];
/** Only needed when several systems share a Temporal namespace. */
const UNUSED_SETTINGS = ['TASK_QUEUE_PREFIX'];

test('passes every setting to the API, and an unset variable as an empty value', () => {
  const settings = [...readProjectFile('config/config.ts').matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(
    ([, name]) => name ?? '',
  );
  expect(settings.length).toBeGreaterThan(30);
  const { environment } = services.api as Service;
  const passed = Object.keys(environment);
  expect([...passed, ...SET_BY_IMAGE, ...UNUSED_SETTINGS].toSorted()).toEqual(settings.toSorted());
  for (const name of SET_BY_IMAGE)
    expect(readProjectFile('Dockerfile')).toMatch(new RegExp(`^ +${name}=`, 'm'));

  const asComposed = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value.replace(/^\$\{\w+:-(.*)\}$/, '$1')]),
  );
  const needed = {
    AUDIT_KEY: 'ab'.repeat(32),
    STRIPE_API_KEY: 'sk',
    SMTP_URL: 'smtp://mail',
    MAIL_FROM: 'a@b.c',
  };
  const { rateLimits, trustedProxies, auth } = parseConfig({ ...asComposed, ...needed });
  expect({ rateLimits, trustedProxies, issuer: auth.issuer }).toEqual({
    rateLimits: { address: 1_200, principal: 2_400, placement: 60, login: 20, mailbox: 5 },
    trustedProxies: undefined,
    issuer: 'durable-orders',
  });
});

test('takes secrets from the environment and fails when one is missing', () => {
  for (const [name, { environment }] of allServices) {
    for (const [variable, value] of Object.entries(environment)) {
      if (!/PASSWORD|PWD|KEY$|DATABASE_URL|SMTP_URL/.test(variable)) continue;
      expect([name, variable, value]).toEqual([name, variable, expect.stringMatching(/\$\{\w+:\?[^}]+\}/)]);
      const literal = value.replaceAll(/\$\{[^}]*\}/g, '');
      expect(literal).toMatch(/^(mysql:\/\/\w+:@mysql:3306\/orders)?$/);
    }
  }
});

test('lists every required variable in the example file, secrets without a value', () => {
  const example = new Map(
    readProjectFile('deploy/.env.example')
      .split('\n')
      .filter((line) => /^\w+=/.test(line))
      .map((line) => line.split('=') as [string, string]),
  );
  const required = [...COMPOSE_SOURCE.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name ?? '');
  expect([...example.keys()].toSorted()).toEqual([...new Set([...required, 'STRIPE_API_URL'])].toSorted());
  for (const [name, value] of example)
    if (/PASSWORD|KEY$/.test(name)) expect([name, value]).toEqual([name, '']);
  const optional = [...COMPOSE_SOURCE.matchAll(/\$\{(\w+):-/g)].map(([, name]) => name ?? '');
  for (const name of optional) expect(readProjectFile('deploy/.env.example')).toContain(name);
});

test('declares a volume for every stateful service', () => {
  for (const name of ['mysql', 'temporal-db', 'simulator', 'mail-catcher']) {
    const [volume] = services[name]?.volumes ?? [];
    expect(Object.keys(volumes)).toContain(volume?.split(':')[0]);
  }
});

test('allows triggers while the binary log is on', () => {
  expect(services.mysql?.command).toContain('--log-bin-trust-function-creators=1');
});

test('grants table changes to the migrating account, and only reads to the account of the system', () => {
  const sql = readProjectFile('deploy/mysql/accounts.sql').replaceAll(/^--.*$/gm, '');
  const grants = [...sql.matchAll(/GRANT ([^;]+?)\s+ON (\S+) TO (\S+)@'%'([^;]*);/g)].map(
    ([, privileges, scope, account, options]) => ({ privileges, scope, account, options: options?.trim() }),
  );
  expect(grants).toEqual([
    {
      privileges: 'SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER',
      scope: 'orders.*',
      account: 'orders_migrate',
      options: 'WITH GRANT OPTION',
    },
    { privileges: 'SELECT', scope: 'orders.*', account: 'orders_app', options: '' },
  ]);
  expect(sql).not.toMatch(/IDENTIFIED BY '+[^',]/);
  const { environment } = services.migrate ?? { environment: {} };
  expect(loadMigrateConfig(environment)).toEqual({
    databaseUrl: expect.stringContaining('//orders_migrate:'),
    runningAccount: 'orders_app@%',
  });
  for (const name of ['api', 'worker', 'sequencer']) {
    expect(services[name]?.environment.DATABASE_URL).toContain('//orders_app:');
  }
});

test('creates no account without a password', () => {
  expect(() => renderAccountsSql({ migrate: 'm', app: '' })).toThrow('MYSQL_APP_PASSWORD');
  const [set] = renderAccountsSql({ migrate: "it's", app: 'back\\slash' }).split(';');
  expect(set?.replaceAll(/\s+/g, ' ')).toBe(
    "SET @migrate_password = 'it\\'s', @app_password = 'back\\\\slash'",
  );
});

test('runs only files that the build produces', () => {
  for (const [name, { command }] of applicationServices) {
    const script = command?.[1]?.replace(/^dist\/(.*)\.js$/, '$1.ts') ?? '';
    expect([name, command?.[0]]).toEqual([name, 'node']);
    expect([name, existsSync(resolve(ROOT, script))]).toEqual([name, true]);
  }
});

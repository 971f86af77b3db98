import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { parseConfig } from '../../config/config';
import { loadMigrateConfig } from '../../config/migrate';
import { renderAccountsSql } from './production-deployment';

const ROOT = resolve(__dirname, '../..');
const readProjectFile = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Service {
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

test('every part of the system is there', () => {
  expect(Object.keys(services).toSorted()).toEqual(
    [
      ...['api', 'mail-catcher', 'migrate', 'mysql', 'sequencer', 'simulator'],
      ...['temporal', 'temporal-db', 'temporal-ui', 'worker-orders', 'worker-payments'],
    ].toSorted(),
  );
});

test.each(allServices)('%s says whether it is well, and is started again, or is a job', (_name, service) => {
  if (isJob(service)) expect(service.healthcheck).toEqual({ disable: true });
  else {
    expect(service.healthcheck?.test?.length).toBeGreaterThan(1);
    expect(service.restart).toBe('unless-stopped');
  }
});

test.each(allServices)('%s is one exact version', (_name, { image }) => {
  expect(image).toMatch(/^[\w./-]+:\d+\.\d+[\w.-]*$/);
});

test.each(allServices.flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port] as const)))(
  '%s can be reached from this machine only: %s',
  (_name, port) => expect(port).toMatch(/^127\.0\.0\.1:/),
);

test.each(applicationServices)('%s has no rights it does not need', (_name, service) => {
  expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], init: true });
  expect(service.security_opt).toContain('no-new-privileges:true');
  expect([service.user, service.privileged]).toEqual([undefined, undefined]);
});

test('what a part needs is well, or done, before it starts', () => {
  for (const [name, { depends_on = {} }] of allServices) {
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      const target = services[needed];
      expect([name, needed, target !== undefined]).toEqual([name, needed, true]);
      const right = target && isJob(target) ? 'service_completed_successfully' : 'service_healthy';
      expect([name, needed, condition]).toEqual([name, needed, right]);
    }
  }
  for (const name of ['api', 'worker-orders', 'worker-payments', 'sequencer']) {
    expect([name, Object.keys(services[name]?.depends_on ?? {})]).toEqual([
      name,
      expect.arrayContaining(['migrate', 'mysql', 'temporal']),
    ]);
  }
});

test('our processes are told nothing that the configuration does not know', () => {
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

/** Settled by the image. */
const SET_BY_IMAGE = ['HOST', 'DATA_DIR'];
/** For several systems in one namespace of Temporal: this one has a server to itself. */
const UNUSED_SETTINGS = ['TASK_QUEUE_PREFIX'];

test('every setting is made or can be, and one that is not made counts as not set', () => {
  const settings = [...readProjectFile('config/config.ts').matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(
    ([, name]) => name ?? '',
  );
  expect(settings.length).toBeGreaterThan(30);
  const { environment } = services.api as Service;
  const passedOn = Object.keys(environment);
  expect([...passedOn, ...SET_BY_IMAGE, ...UNUSED_SETTINGS].toSorted()).toEqual(settings.toSorted());
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

test('secrets come from outside, and a missing one is said', () => {
  for (const [name, { environment }] of allServices) {
    for (const [variable, value] of Object.entries(environment)) {
      if (!/PASSWORD|PWD|KEY$|DATABASE_URL|SMTP_URL/.test(variable)) continue;
      expect([name, variable, value]).toEqual([name, variable, expect.stringMatching(/\$\{\w+:\?[^}]+\}/)]);
      const literal = value.replaceAll(/\$\{[^}]*\}/g, '');
      expect(literal).toMatch(/^(mysql:\/\/\w+:@mysql:3306\/orders)?$/);
    }
  }
});

test('what has to be set stands in the example, secrets without a value', () => {
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

test('those that keep something have a volume that is declared', () => {
  for (const name of ['mysql', 'temporal-db', 'simulator', 'mail-catcher']) {
    const [volume] = services[name]?.volumes ?? [];
    expect(Object.keys(volumes)).toContain(volume?.split(':')[0]);
  }
});

test('with the binary log on, triggers can be made', () => {
  expect(services.mysql?.command).toContain('--log-bin-trust-function-creators=1');
});

test('the migrating account changes tables, the running one may only read until a migration allows more', () => {
  const sql = readProjectFile('deploy/mysql/accounts.sql').replaceAll(/^--.*$/gm, '');
  const grants = [...sql.matchAll(/GRANT ([^;]+?)\s+ON (\S+) TO (\S+)@'%'([^;]*);/g)].map(
    ([, what, where, who, how]) => ({ what, where, who, how: how?.trim() }),
  );
  expect(grants).toEqual([
    {
      what: 'SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER',
      where: 'orders.*',
      who: 'orders_migrate',
      how: 'WITH GRANT OPTION',
    },
    { what: 'SELECT', where: 'orders.*', who: 'orders_app', how: '' },
  ]);
  expect(sql).not.toMatch(/IDENTIFIED BY '+[^',]/);
  const { environment } = services.migrate ?? { environment: {} };
  expect(loadMigrateConfig(environment)).toEqual({
    databaseUrl: expect.stringContaining('//orders_migrate:'),
    runningAccount: 'orders_app@%',
  });
  for (const name of ['api', 'worker-orders', 'worker-payments', 'sequencer']) {
    expect(services[name]?.environment.DATABASE_URL).toContain('//orders_app:');
  }
});

test('no account is made without its password', () => {
  expect(() => renderAccountsSql({ migrate: 'm', app: '' })).toThrow('MYSQL_APP_PASSWORD');
  const [set] = renderAccountsSql({ migrate: "it's", app: 'back\\slash' }).split(';');
  expect(set?.replaceAll(/\s+/g, ' ')).toBe(
    "SET @migrate_password = 'it\\'s', @app_password = 'back\\\\slash'",
  );
});

test('every command names a file that the build makes', () => {
  for (const [name, { command }] of applicationServices) {
    const script = command?.[1]?.replace(/^dist\/(.*)\.js$/, '$1.ts') ?? '';
    expect([name, command?.[0]]).toEqual([name, 'node']);
    expect([name, existsSync(resolve(ROOT, script))]).toEqual([name, true]);
  }
});

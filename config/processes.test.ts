import { parseConfig } from './config';
import { getHealthUrl } from './health';
import { loadMailCatcherConfig } from './mail-catcher';
import { loadMigrateConfig } from './migrate';

const NEEDED = { STRIPE_API_KEY: 'sk_test_x', SMTP_URL: 'smtp://127.0.0.1', AUDIT_KEY: 'ab'.repeat(32) };

test('there is no health port and no draining unless asked for', () => {
  expect(parseConfig(NEEDED)).toMatchObject({ healthPort: undefined, drainMs: 0 });
  expect(parseConfig({ ...NEEDED, HEALTH_PORT: '9000', DRAIN_MS: '3000' })).toMatchObject({
    healthPort: 9000,
    drainMs: 3000,
  });
  expect(() => parseConfig({ ...NEEDED, HEALTH_PORT: '0' })).toThrow('HEALTH_PORT');
});

test('the health check asks the port that the process has', () => {
  expect(getHealthUrl({})).toBe('http://127.0.0.1:3000/healthz');
  expect(getHealthUrl({ PORT: '8080' })).toBe('http://127.0.0.1:8080/healthz');
  expect(getHealthUrl({ PORT: '8080', HEALTH_PORT: '9000' })).toBe('http://127.0.0.1:9000/healthz');
});

test('the mail catcher listens on this machine alone unless told otherwise', () => {
  expect(loadMailCatcherConfig({}).host).toBe('127.0.0.1');
  expect(loadMailCatcherConfig({ MAIL_HOST: '0.0.0.0' }).host).toBe('0.0.0.0');
});

test('the migration job needs a database, and repeats nothing of what it was told', () => {
  const DATABASE_URL = 'mysql://m:hush@db:3306/orders';
  expect(loadMigrateConfig({ DATABASE_URL })).toEqual({
    databaseUrl: DATABASE_URL,
    runningAccount: undefined,
  });
  expect(() => loadMigrateConfig({})).toThrow('DATABASE_URL is not set');
  expect(() => loadMigrateConfig({ DATABASE_URL: 'postgres://hush@db' })).toThrow(
    /^DATABASE_URL must begin with/,
  );
  expect(() => loadMigrateConfig({ DATABASE_URL, DATABASE_RUNNING_ACCOUNT: "x'@%" })).toThrow(
    'DATABASE_RUNNING_ACCOUNT must be name@host',
  );
});

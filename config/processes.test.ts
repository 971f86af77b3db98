import { parseConfig } from './config';
import { getHealthUrl } from './health';
import { loadMailCatcherConfig } from './mail-catcher';
import { loadMigrateConfig } from './migrate';

const REQUIRED = { STRIPE_API_KEY: 'sk_test_x', SMTP_URL: 'smtp://127.0.0.1', AUDIT_KEY: 'ab'.repeat(32) };

test('has no health port and no drain time by default', () => {
  expect(parseConfig(REQUIRED)).toMatchObject({ healthPort: undefined, drainMs: 0 });
  expect(parseConfig({ ...REQUIRED, HEALTH_PORT: '9000', DRAIN_MS: '3000' })).toMatchObject({
    healthPort: 9000,
    drainMs: 3000,
  });
  expect(() => parseConfig({ ...REQUIRED, HEALTH_PORT: '0' })).toThrow('HEALTH_PORT');
});

test('checks health on the port of the process', () => {
  expect(getHealthUrl({})).toBe('http://127.0.0.1:3000/healthz');
  expect(getHealthUrl({ PORT: '8080' })).toBe('http://127.0.0.1:8080/healthz');
  expect(getHealthUrl({ PORT: '8080', HEALTH_PORT: '9000' })).toBe('http://127.0.0.1:9000/healthz');
});

test('the mail catcher listens on the loopback address by default', () => {
  expect(loadMailCatcherConfig({}).host).toBe('127.0.0.1');
  expect(loadMailCatcherConfig({ MAIL_HOST: '0.0.0.0' }).host).toBe('0.0.0.0');
});

test('the migration job requires a database and does not print its URL', () => {
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

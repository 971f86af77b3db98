import { resolve } from 'node:path';
import { ConfigError } from './config';
import { buildChildEnvironment, type Environment, parseStartConfig } from './start';

const KEY = 'ab'.repeat(32);

function listIssues(env: Environment): string[] {
  try {
    parseStartConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
}

test('starts every service without settings, and passes the addresses to the children', () => {
  const start = parseStartConfig({});
  expect(start.dataDir).toBe(resolve('.data'));
  expect(buildChildEnvironment(start, KEY)).toEqual({
    HOST: '127.0.0.1',
    PORT: '3000',
    DATA_DIR: resolve('.data'),
    TEMPORAL_NAMESPACE: 'default',
    TEMPORAL_ADDRESS: '127.0.0.1:7233',
    TEMPORAL_UI_URL: 'http://127.0.0.1:8233',
    SIMULATOR_HOST: '127.0.0.1',
    SIMULATOR_PORT: '12111',
    STRIPE_API_URL: 'http://127.0.0.1:12111',
    STRIPE_API_KEY: 'sk_test_simulator',
    MAIL_SMTP_PORT: '1025',
    MAIL_UI_PORT: '8025',
    SMTP_URL: 'smtp://127.0.0.1:1025',
    STAFF_MAIL: 'staff@orders.example',
    AUDIT_KEY: KEY,
  });
});

test('uses configured services instead of starting them', () => {
  const start = parseStartConfig({
    TEMPORAL_ADDRESS: 'temporal.example:7233',
    STRIPE_API_KEY: 'sk_test_1',
    SMTP_URL: 'smtps://mail.example',
    AUDIT_KEY: KEY,
  });
  expect(start).toMatchObject({ simulator: undefined, mailCatcher: undefined });
  const childEnvironment = buildChildEnvironment(start, 'never used');
  expect(childEnvironment).toMatchObject({ TEMPORAL_ADDRESS: 'temporal.example:7233', AUDIT_KEY: KEY });
  for (const name of ['STRIPE_API_KEY', 'STRIPE_API_URL', 'SMTP_URL'])
    expect(childEnvironment).not.toHaveProperty(name);
});

test('treats an empty variable as unset', () => {
  expect(parseStartConfig({ PORT: '', SMTP_URL: '', TEMPORAL_ADDRESS: '' })).toEqual(parseStartConfig({}));
});

test('names all invalid variables at once, including those of the system, without their values', () => {
  const issues = listIssues({
    PORT: '0',
    MAIL_UI_PORT: '70000',
    AUDIT_KEY: 'secret',
    DATABASE_URL: 'pg://secret',
    STRIPE_API_URL: 'http://127.0.0.1:1',
  });
  expect(issues.map((issue) => issue.split(' ')[0]).sort()).toEqual([
    'AUDIT_KEY',
    'DATABASE_URL',
    'MAIL_UI_PORT',
    'PORT',
    'STRIPE_API_URL',
  ]);
  expect(issues.join()).not.toContain('secret');
});

test('rejects two services on one port, but ignores the ports of services that are not started', () => {
  expect(listIssues({ PORT: '8025' })).toEqual(['MAIL_UI_PORT and PORT must differ, both are 8025']);
  expect(listIssues({ PORT: '8025', SMTP_URL: 'smtp://mail.example' })).toEqual([]);
});

import { resolve } from 'node:path';
import express from 'express';
import { ConfigError, parseConfig } from './config';

const REQUIRED = {
  STRIPE_API_KEY: 'sk_test_x',
  SMTP_URL: 'smtp://127.0.0.1:1025',
  AUDIT_KEY: 'ab'.repeat(32),
};

test('applies the documented defaults', () => {
  expect(parseConfig(REQUIRED)).toMatchObject({
    host: '127.0.0.1',
    port: 3000,
    databaseUrl: `sqlite:${resolve('.data', 'orders.db')}`,
    temporal: { address: '127.0.0.1:7233', namespace: 'default' },
    queues: { layout: 'single', prefix: '' },
    logLevel: 'info',
    reconcileEveryMs: 60_000,
    auth: { issuer: 'durable-orders', keys: [expect.any(Buffer)] },
    shopUrl: 'http://127.0.0.1:3000',
  });
});

test('reads the reconciliation interval in seconds', () => {
  expect(parseConfig({ ...REQUIRED, RECONCILE_EVERY_SECONDS: '5' }).reconcileEveryMs).toBe(5_000);
  for (const invalid of ['0', '0.5', '90000', 'often']) {
    expect(() => parseConfig({ ...REQUIRED, RECONCILE_EVERY_SECONDS: invalid })).toThrow(
      'RECONCILE_EVERY_SECONDS',
    );
  }
});

test('reads the recipients of stock alerts as a list of email addresses, by default empty', () => {
  const parseStaff = (list: string) => parseConfig({ ...REQUIRED, STAFF_MAIL: list }).mail.staff;
  expect(parseConfig(REQUIRED).mail.staff).toEqual([]);
  expect(parseStaff('stock@shop.example, ada@shop.example')).toEqual([
    'stock@shop.example',
    'ada@shop.example',
  ]);
  for (const invalid of ['no-address', 'a@b.example,', 'A <a@b.example>', 'a@b.example b@b.example']) {
    expect(() => parseStaff(invalid)).toThrow('STAFF_MAIL');
  }
});

test('accepts addresses, networks and named ranges of Express as trusted proxies', () => {
  const parseProxies = (list: string) => parseConfig({ ...REQUIRED, TRUSTED_PROXIES: list }).trustedProxies;
  expect(parseConfig(REQUIRED).trustedProxies).toBeUndefined();
  for (const valid of [
    'loopback',
    'loopback, linklocal,uniquelocal',
    '10.1.2.3',
    '10.0.0.0/8, 192.168.0.0/16',
    '::1',
    '2001:db8::/32,fd00::1/128',
  ]) {
    expect(parseProxies(valid)).toBe(valid);
    expect(() => express().set('trust proxy', valid)).not.toThrow();
  }
  for (const invalid of [
    '1',
    '10',
    '0',
    'true',
    '*',
    'proxy.example',
    'loopback,',
    'loopback/8',
    '10.0.0.0/0',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '::/129',
    'fe80::1%eth0',
  ]) {
    expect(() => parseProxies(invalid)).toThrow('TRUSTED_PROXIES must be');
  }
});

test('names every invalid variable at once, without its value', () => {
  const parse = () =>
    parseConfig({ PORT: '99999', AUDIT_KEY: 'hunter2', DATABASE_URL: 'postgres://u:secret@h/d' });
  expect(parse).toThrow(ConfigError);
  let message = '';
  try {
    parse();
  } catch (error) {
    message = (error as Error).message;
  }
  for (const name of ['PORT', 'AUDIT_KEY', 'DATABASE_URL', 'STRIPE_API_KEY', 'SMTP_URL']) {
    expect(message).toContain(name);
  }
  for (const secret of ['hunter2', 'secret', '99999']) expect(message).not.toContain(secret);
});

test('treats an empty variable as unset', () => {
  expect(parseConfig({ ...REQUIRED, PORT: '' }).port).toBe(3000);
});

test('derives a separate key for each use of the secret', () => {
  const { keys, auth } = parseConfig(REQUIRED);
  const { audit } = keys;
  const all = [...Object.values(keys), ...auth.keys].map((key) => key.toString('hex'));
  expect(all.map((key) => key.length)).toEqual([64, 64, 64, 64, 64, 64]);
  expect(new Set(all).size).toBe(6);
  expect(parseConfig(REQUIRED).keys.audit.equals(audit)).toBe(true);
});

test('reads the keys of access tokens, the signing key first', () => {
  const [fresh, old] = ['01'.repeat(32), '02'.repeat(32)];
  const { keys } = parseConfig({ ...REQUIRED, AUTH_KEYS: `${fresh},${old}` }).auth;
  expect(keys.map((key) => key.toString('hex'))).toEqual([fresh, old]);
  // The default key stays valid for as long as `derived` is listed.
  const derived = parseConfig(REQUIRED).auth.keys[0];
  expect(parseConfig({ ...REQUIRED, AUTH_KEYS: `derived,${fresh}` }).auth.keys).toEqual([
    derived,
    Buffer.from(fresh, 'hex'),
  ]);
  for (const invalid of ['01'.repeat(31), `${fresh},`, `${fresh} ${old}`, 'secret']) {
    expect(() => parseConfig({ ...REQUIRED, AUTH_KEYS: invalid })).toThrow('AUTH_KEYS must be');
  }
});

test('derives the base URL of mail links from SHOP_URL or PORT', () => {
  expect(parseConfig({ ...REQUIRED, PORT: '4000' }).shopUrl).toBe('http://127.0.0.1:4000');
  expect(parseConfig({ ...REQUIRED, SHOP_URL: 'https://shop.example/en/' }).shopUrl).toBe(
    'https://shop.example/en',
  );
  expect(() => parseConfig({ ...REQUIRED, SHOP_URL: 'javascript:alert(1)' })).toThrow('SHOP_URL');
});

import { resolve } from 'node:path';
import express from 'express';
import { ConfigError, parseConfig } from './config';

const NEEDED = {
  STRIPE_API_KEY: 'sk_test_x',
  SMTP_URL: 'smtp://127.0.0.1:1025',
  AUDIT_KEY: 'ab'.repeat(32),
};

test('what is not set has the documented defaults', () => {
  expect(parseConfig(NEEDED)).toMatchObject({
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

test('how often orders are reconciled is told in seconds', () => {
  expect(parseConfig({ ...NEEDED, RECONCILE_EVERY_SECONDS: '5' }).reconcileEveryMs).toBe(5_000);
  for (const wrong of ['0', '0.5', '90000', 'often']) {
    expect(() => parseConfig({ ...NEEDED, RECONCILE_EVERY_SECONDS: wrong })).toThrow(
      'RECONCILE_EVERY_SECONDS',
    );
  }
});

test('staff that is told of stock is a list of addresses; without one nobody is', () => {
  const staffOf = (list: string) => parseConfig({ ...NEEDED, STAFF_MAIL: list }).mail.staff;
  expect(parseConfig(NEEDED).mail.staff).toEqual([]);
  expect(staffOf('stock@shop.example, ada@shop.example')).toEqual(['stock@shop.example', 'ada@shop.example']);
  for (const wrong of ['somebody', 'a@b.example,', 'A <a@b.example>', 'a@b.example b@b.example']) {
    expect(() => staffOf(wrong)).toThrow('STAFF_MAIL');
  }
});

test('proxies that are trusted are addresses, networks and named ranges that Express knows', () => {
  const proxiesOf = (list: string) => parseConfig({ ...NEEDED, TRUSTED_PROXIES: list }).trustedProxies;
  expect(parseConfig(NEEDED).trustedProxies).toBeUndefined();
  for (const right of [
    'loopback',
    'loopback, linklocal,uniquelocal',
    '10.1.2.3',
    '10.0.0.0/8, 192.168.0.0/16',
    '::1',
    '2001:db8::/32,fd00::1/128',
  ]) {
    expect(proxiesOf(right)).toBe(right);
    expect(() => express().set('trust proxy', right)).not.toThrow();
  }
  for (const wrong of [
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
    expect(() => proxiesOf(wrong)).toThrow('TRUSTED_PROXIES must be');
  }
});

test('every fault is named at once, and no value is repeated', () => {
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

test('a variable that is set to nothing counts as not set', () => {
  expect(parseConfig({ ...NEEDED, PORT: '' }).port).toBe(3000);
});

test('each use of the secret has a key of its own', () => {
  const { keys, auth } = parseConfig(NEEDED);
  const { audit } = keys;
  const all = [...Object.values(keys), ...auth.keys].map((key) => key.toString('hex'));
  expect(all.map((key) => key.length)).toEqual([64, 64, 64, 64, 64, 64]);
  expect(new Set(all).size).toBe(6);
  expect(parseConfig(NEEDED).keys.audit.equals(audit)).toBe(true);
});

test('keys of access tokens can be given, the signing one first', () => {
  const [fresh, old] = ['01'.repeat(32), '02'.repeat(32)];
  const { keys } = parseConfig({ ...NEEDED, AUTH_KEYS: `${fresh},${old}` }).auth;
  expect(keys.map((key) => key.toString('hex'))).toEqual([fresh, old]);
  // The one that was there before any was named stays good for as long as it is named.
  const derived = parseConfig(NEEDED).auth.keys[0];
  expect(parseConfig({ ...NEEDED, AUTH_KEYS: `derived,${fresh}` }).auth.keys).toEqual([
    derived,
    Buffer.from(fresh, 'hex'),
  ]);
  for (const wrong of ['01'.repeat(31), `${fresh},`, `${fresh} ${old}`, 'secret']) {
    expect(() => parseConfig({ ...NEEDED, AUTH_KEYS: wrong })).toThrow('AUTH_KEYS must be');
  }
});

test('links in mails lead to the shop, wherever that is', () => {
  expect(parseConfig({ ...NEEDED, PORT: '4000' }).shopUrl).toBe('http://127.0.0.1:4000');
  expect(parseConfig({ ...NEEDED, SHOP_URL: 'https://shop.example/en/' }).shopUrl).toBe(
    'https://shop.example/en',
  );
  expect(() => parseConfig({ ...NEEDED, SHOP_URL: 'javascript:alert(1)' })).toThrow('SHOP_URL');
});

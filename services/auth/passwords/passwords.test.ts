import { hash as argon2Hash } from '@node-rs/argon2';
import { COMMON_PASSWORDS } from './common-passwords';
import { assertStrongPassword, createPasswords, MIN_PASSWORD_LENGTH } from './passwords';

const CHEAP = { memoryCost: 64, timeCost: 1, parallelism: 1 };

test('hashes with argon2id, the OWASP parameters and a new salt each time', async () => {
  const passwords = createPasswords();
  const [first, second] = [
    await passwords.hash('analytical engine'),
    await passwords.hash('analytical engine'),
  ];
  expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(first).not.toBe(second);
  expect(await passwords.verify(first, 'analytical engine')).toBe('valid');
  expect(await passwords.verify(first, 'analytical engines')).toBe('invalid');
});

test('rejects every password for an unknown account', async () => {
  const passwords = createPasswords({ parameters: CHEAP });
  for (const password of ['', 'analytical engine', '\0'.repeat(32)]) {
    expect(await passwords.verify(null, password)).toBe('invalid');
  }
});

test('reports a correct password under other parameters as outdated', async () => {
  const passwords = createPasswords({ parameters: CHEAP });
  const outdated = await argon2Hash('analytical engine', { ...CHEAP, timeCost: 2 });
  expect(await passwords.verify(outdated, 'analytical engine')).toBe('outdated');
  expect(await passwords.verify(outdated, 'difference engine')).toBe('invalid');
});

test('treats composed and decomposed letters as equal', async () => {
  const passwords = createPasswords({ parameters: CHEAP });
  const composed = await passwords.hash('schl\u00fcsselbund');
  expect(await passwords.verify(composed, 'schlu\u0308sselbund')).toBe('valid');
});

test('runs two hashes at a time, queues some and rejects the rest as overloaded', async () => {
  const passwords = createPasswords({ parameters: CHEAP, concurrency: 2, maxQueued: 3 });
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, () => passwords.hash('analytical engine')),
  );
  expect(results.map((r) => r.status)).toEqual([...Array(5).fill('fulfilled'), ...Array(3).fill('rejected')]);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'overloaded' });
  }
  // All slots are free again.
  await Promise.all(Array.from({ length: 5 }, () => passwords.hash('analytical engine')));
});

test('frees the slot of a hash that fails', async () => {
  const passwords = createPasswords({ parameters: CHEAP, concurrency: 1, maxQueued: 0 });
  for (let n = 0; n < 3; n += 1) await expect(passwords.verify('no hash', 'x')).rejects.toThrow();
  await passwords.hash('analytical engine');
});

test('rejects common passwords and the email address, with the field', () => {
  const check = (password: string) => () =>
    assertStrongPassword(password, 'ada.byron@example.com', '/password');
  const weakPasswords = ['1234567890', 'Password123', 'QWERTYUIOP', 'ada.byron@example.com', 'Ada.Byron'];
  for (const password of weakPasswords) {
    expect(check(password)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        extensions: { errors: [{ pointer: '/password', detail: expect.any(String) }] },
      }),
    );
  }
  expect(check('analytical engine')).not.toThrow();
});

test('lists only common passwords of at least the minimum length', () => {
  expect(COMMON_PASSWORDS.size).toBeGreaterThan(100);
  for (const password of COMMON_PASSWORDS) {
    expect(password.length).toBeGreaterThanOrEqual(MIN_PASSWORD_LENGTH);
    expect(password).toBe(password.toLowerCase());
  }
});

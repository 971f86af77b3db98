import { hash as argon2Hash } from '@node-rs/argon2';
import { COMMON_PASSWORDS } from './common-passwords';
import { assertStrongPassword, createPasswords, MIN_PASSWORD_LENGTH } from './passwords';

const CHEAP = { memoryCost: 64, timeCost: 1, parallelism: 1 };

test('a password is hashed with argon2id and the parameters of OWASP, differently each time', async () => {
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

test('nobody has no password, not even an empty one', async () => {
  const passwords = createPasswords({ parameters: CHEAP });
  for (const password of ['', 'analytical engine', '\0'.repeat(32)]) {
    expect(await passwords.verify(null, password)).toBe('invalid');
  }
});

test('a hash of other parameters is right and outdated', async () => {
  const passwords = createPasswords({ parameters: CHEAP });
  const old = await argon2Hash('analytical engine', { ...CHEAP, timeCost: 2 });
  expect(await passwords.verify(old, 'analytical engine')).toBe('outdated');
  expect(await passwords.verify(old, 'difference engine')).toBe('invalid');
});

test('letters are the same however a keyboard composes them', async () => {
  const passwords = createPasswords({ parameters: CHEAP });
  const composed = await passwords.hash('schl\u00fcsselbund');
  expect(await passwords.verify(composed, 'schlu\u0308sselbund')).toBe('valid');
});

test('two are hashed at once, some wait, and the rest is turned away', async () => {
  const passwords = createPasswords({ parameters: CHEAP, concurrency: 2, maxQueued: 3 });
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, () => passwords.hash('analytical engine')),
  );
  expect(results.map((r) => r.status)).toEqual([...Array(5).fill('fulfilled'), ...Array(3).fill('rejected')]);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'overloaded' });
  }
  // The places are free again.
  await Promise.all(Array.from({ length: 5 }, () => passwords.hash('analytical engine')));
});

test('a failure gives its place back', async () => {
  const passwords = createPasswords({ parameters: CHEAP, concurrency: 1, maxQueued: 0 });
  for (let n = 0; n < 3; n += 1) await expect(passwords.verify('no hash', 'x')).rejects.toThrow();
  await passwords.hash('analytical engine');
});

test('what anybody would guess is refused, naming the field', () => {
  const guess = (password: string) => () =>
    assertStrongPassword(password, 'ada.byron@example.com', '/password');
  const refused = ['1234567890', 'Password123', 'QWERTYUIOP', 'ada.byron@example.com', 'Ada.Byron'];
  for (const password of refused) {
    expect(guess(password)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        extensions: { errors: [{ pointer: '/password', detail: expect.any(String) }] },
      }),
    );
  }
  expect(guess('analytical engine')).not.toThrow();
});

test('the list of common passwords has those only that length does not refuse', () => {
  expect(COMMON_PASSWORDS.size).toBeGreaterThan(100);
  for (const password of COMMON_PASSWORDS) {
    expect(password.length).toBeGreaterThanOrEqual(MIN_PASSWORD_LENGTH);
    expect(password).toBe(password.toLowerCase());
  }
});

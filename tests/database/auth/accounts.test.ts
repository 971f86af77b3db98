import { select } from '../../../db/core/sql';
import { createVerificationReader } from '../../../db/verification/verification-reader';
import { parseProductId } from '../../../domain/shared/ids';
import { removeExpiredRecords } from '../../../services/auth/expired-records';
import { logIn } from '../../../services/auth/login';
import { changePassword, resetPassword } from '../../../services/auth/passwords/password-change';
import { createPasswords } from '../../../services/auth/passwords/passwords';
import { confirmRegistration } from '../../../services/auth/registration';
import { refreshTokens } from '../../../services/auth/sessions';
import { newCustomerId } from '../../../services/shared/new-ids';
import { checkChain } from '../../../verification/chain';
import { registerAndWait, requestPasswordResetAndWait, TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, TEST_AUDIT_KEY, type TestStore } from '../../harness/servers/databases';
import { createGate } from '../../harness/workflow/gate';

const ADA = { email: 'ada@example.com', password: 'analytical engine', name: 'Ada Byron' };
const HOUR_MS = 60 * 60_000;
const INVALID_CREDENTIALS = { code: 'invalid_credentials' };
const LINK_EXPIRED = { code: 'link_expired' };

describe.each(DIALECTS)('accounts on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    identity = new TestIdentity(shop.store);
  });
  afterEach(() => shop?.close());

  const newestLink = () => identity.getLatestToken('RegistrationRequested');
  const count = async (table: string): Promise<number> =>
    Number((await select<{ n: number }>(shop.db, `SELECT COUNT(*) AS n FROM ${table}`))[0]?.n);
  const createGuest = (email: string): Promise<string> =>
    shop.db.write((tx) => shop.store.contacts.findOrCreateCustomer(email, newCustomerId(), 1, tx));

  describe('registration', () => {
    test('creates the account and a session when the email address is confirmed', async () => {
      await registerAndWait(identity, ADA);
      expect(await count('accounts')).toBe(0);
      await expect(logIn(identity, ADA.email, ADA.password)).rejects.toMatchObject(INVALID_CREDENTIALS);

      const tokens = await confirmRegistration(identity, await newestLink(), ADA.password);
      const claims = await identity.accessTokens.verify(tokens.accessToken);
      expect(claims).toMatchObject({ role: 'customer' });
      expect(await shop.store.contacts.findProfile(claims?.customerId ?? '')).toMatchObject({
        email: ADA.email,
        name: ADA.name,
      });
      expect(await identity.listEventTypes(claims?.customerId ?? '')).toEqual([
        'AccountCreated',
        'SessionOpened',
      ]);
      await logIn(identity, ADA.email, ADA.password);
      expect(await count('pending_registrations')).toBe(0);
    });

    test('retains the customer id, and so the orders, of a guest', async () => {
      const customerId = await createGuest(ADA.email);
      const ada = await identity.createCustomer(ADA.email);
      expect(ada.customerId).toBe(customerId);
    });

    test('by someone else gives them no account when the owner of the email address follows the link', async () => {
      const attacker = { ...ADA, password: 'password of an attacker' };
      await registerAndWait(identity, attacker);
      const link = await newestLink();
      await registerAndWait(identity, ADA);
      const ownerLink = await newestLink();
      await expect(confirmRegistration(identity, link, ADA.password)).rejects.toMatchObject(
        INVALID_CREDENTIALS,
      );
      expect(await count('accounts')).toBe(0);

      await confirmRegistration(identity, ownerLink, ADA.password);
      await logIn(identity, ADA.email, ADA.password);
      await expect(confirmRegistration(identity, link, attacker.password)).rejects.toMatchObject({
        code: 'account_exists',
      });
      await expect(logIn(identity, ADA.email, attacker.password)).rejects.toMatchObject(INVALID_CREDENTIALS);
    });

    test('a wrong password leaves the link valid; an invalid link computes no password hash', async () => {
      await registerAndWait(identity, ADA);
      const link = await newestLink();
      await expect(confirmRegistration(identity, link, 'not the password')).rejects.toMatchObject(
        INVALID_CREDENTIALS,
      );
      await confirmRegistration(identity, link, ADA.password);
      const before = identity.hashCount;
      for (const invalid of [link, `${link}x`]) {
        await expect(confirmRegistration(identity, invalid, ADA.password)).rejects.toMatchObject(
          LINK_EXPIRED,
        );
      }
      expect(identity.hashCount).toBe(before);
    });

    test('a link works once, even when used concurrently', async () => {
      await registerAndWait(identity, ADA);
      const link = await newestLink();
      const results = await Promise.allSettled(
        Array.from({ length: 6 }, () => confirmRegistration(identity, link, ADA.password)),
      );
      expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toMatchObject(LINK_EXPIRED);
      expect(await count('accounts')).toBe(1);
    });

    test('several links of one email address, used concurrently, create one account', async () => {
      const links: string[] = [];
      for (let n = 0; n < 5; n += 1) {
        await registerAndWait(identity, ADA);
        links.push(await newestLink());
      }
      const results = await Promise.allSettled(
        links.map((link) => confirmRegistration(identity, link, ADA.password)),
      );
      expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'account_exists' });
      }
      expect(await count('accounts')).toBe(1);
    });

    test('a link expires, and its pending registration is deleted', async () => {
      await registerAndWait(identity, ADA);
      const link = await newestLink();
      identity.nowMs += 24 * HOUR_MS + 1;
      await expect(confirmRegistration(identity, link, ADA.password)).rejects.toMatchObject(LINK_EXPIRED);
      await registerAndWait(identity, { ...ADA, email: 'eve@example.com' });
      await removeExpiredRecords(identity);
      expect(await count('pending_registrations')).toBe(1);
      expect(await count('one_time_tokens')).toBe(1);
    });

    test('for an email address with an account stores nothing and notifies the owner', async () => {
      const ada = await identity.createCustomer();
      await registerAndWait(identity, ADA);
      expect(await count('pending_registrations')).toBe(0);
      expect((await identity.listEventTypes(ada.customerId)).at(-1)).toBe('DuplicateRegistrationAttempted');
    });
  });

  describe('an email address with an account cannot be distinguished from one without', () => {
    const countHashes = async (work: () => Promise<unknown>): Promise<number> => {
      const before = identity.hashCount;
      await work().catch(() => undefined);
      return identity.hashCount - before;
    };

    test('by the work of a registration', async () => {
      await identity.createCustomer();
      const known = await countHashes(() => registerAndWait(identity, ADA));
      const unknown = await countHashes(() =>
        registerAndWait(identity, { ...ADA, email: 'unknown@example.com' }),
      );
      expect([known, unknown]).toEqual([1, 1]);
    });

    test('by the work or the error of a failed login', async () => {
      await identity.createCustomer();
      await createGuest('guest@example.com');
      const failures: unknown[] = [];
      for (const email of [ADA.email, 'unknown@example.com', 'guest@example.com']) {
        const attempt = () =>
          logIn(identity, email, 'not the password').catch((error: Error) => {
            failures.push([error.message, (error as { extensions?: unknown }).extensions]);
            throw error;
          });
        expect(await countHashes(attempt)).toBe(1);
      }
      expect(new Set(failures.map((failure) => JSON.stringify(failure))).size).toBe(1);
    });

    test('by the work of a password reset request', async () => {
      await identity.createCustomer();
      expect(await countHashes(() => requestPasswordResetAndWait(identity, ADA.email))).toBe(0);
      expect(await countHashes(() => requestPasswordResetAndWait(identity, 'unknown@example.com'))).toBe(0);
    });
  });

  describe('a new password', () => {
    test('set through the link in the mail revokes all sessions', async () => {
      const ada = await identity.createCustomer();
      await requestPasswordResetAndWait(identity, ada.email);
      const link = await identity.getLatestToken('PasswordResetRequested');
      await resetPassword(identity, link, 'difference engine');
      await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject({
        code: 'invalid_refresh_token',
      });
      await expect(logIn(identity, ada.email, ada.password)).rejects.toMatchObject(INVALID_CREDENTIALS);
      await logIn(identity, ada.email, 'difference engine');
      expect(await identity.listEventTypes(ada.customerId)).toEqual([
        'AccountCreated',
        'SessionOpened',
        'PasswordResetRequested',
        'PasswordChanged',
        'SessionRevoked',
        'SessionOpened',
      ]);
    });

    test('requires a link that works once, for an hour, and for this purpose only', async () => {
      const ada = await identity.createCustomer();
      const requestLink = async () => {
        await requestPasswordResetAndWait(identity, ada.email);
        return identity.getLatestToken('PasswordResetRequested');
      };
      const link = await requestLink();
      const results = await Promise.allSettled(
        Array.from({ length: 5 }, (_, n) => resetPassword(identity, link, `difference engine ${n}`)),
      );
      expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);

      const expiredLink = await requestLink();
      identity.nowMs += HOUR_MS + 1;
      await expect(resetPassword(identity, expiredLink, 'after the expiry')).rejects.toMatchObject(
        LINK_EXPIRED,
      );
      await expect(confirmRegistration(identity, await requestLink(), ada.password)).rejects.toMatchObject(
        LINK_EXPIRED,
      );
      await registerAndWait(identity, { ...ADA, email: 'eve@example.com' });
      await expect(resetPassword(identity, await newestLink(), 'wrong purpose')).rejects.toMatchObject(
        LINK_EXPIRED,
      );
      for (const text of ['', 'ott_', `${await requestLink()}x`, 'ott_00000000000000000000000000.x']) {
        await expect(resetPassword(identity, text, 'no such link')).rejects.toMatchObject(LINK_EXPIRED);
      }
    });

    test('invalidates the other links that were requested', async () => {
      const ada = await identity.createCustomer();
      await requestPasswordResetAndWait(identity, ada.email);
      const first = await identity.getLatestToken('PasswordResetRequested');
      await requestPasswordResetAndWait(identity, ada.email);
      await resetPassword(
        identity,
        await identity.getLatestToken('PasswordResetRequested'),
        'difference engine',
      );
      await expect(resetPassword(identity, first, 'by the other link')).rejects.toMatchObject(LINK_EXPIRED);
    });

    test('set by a logged-in customer requires the old one and revokes the other sessions', async () => {
      const ada = await identity.createCustomer();
      const other = await logIn(identity, ada.email, ada.password);
      const change = (currentPassword: string) =>
        changePassword(identity, ada, { currentPassword, newPassword: 'difference engine' });
      await expect(change('not the password')).rejects.toMatchObject(INVALID_CREDENTIALS);
      await change(ada.password);
      await refreshTokens(identity, ada.refreshToken);
      await expect(refreshTokens(identity, other.refreshToken)).rejects.toMatchObject({
        code: 'invalid_refresh_token',
      });
      await logIn(identity, ada.email, 'difference engine');
    });

    test('leaves no session to a concurrent login with the old one', async () => {
      const ada = await identity.createCustomer();
      await requestPasswordResetAndWait(identity, ada.email);
      const link = await identity.getLatestToken('PasswordResetRequested');
      const { verify } = identity.passwords;
      identity.passwords.verify = async (...args) => {
        const result = await verify(...args);
        await resetPassword(identity, link, 'difference engine');
        return result;
      };
      await expect(logIn(identity, ada.email, ada.password)).rejects.toMatchObject(INVALID_CREDENTIALS);
      expect(await count('sessions')).toBe(0);
    });
  });

  test('the next login replaces a hash with outdated parameters', async () => {
    const ada = await identity.createCustomer();
    const stronger = new TestIdentity(shop.store, { memoryCost: 128, timeCost: 2, parallelism: 1 });
    await logIn(stronger, ada.email, ada.password);
    const hash = (await shop.store.accounts.find(ada.customerId))?.passwordHash ?? '';
    expect(hash).toContain('m=128,t=2,p=1');
    await logIn(stronger, ada.email, ada.password);
    expect((await shop.store.accounts.find(ada.customerId))?.passwordHash).toBe(hash);
    expect(await createPasswords().verify(hash, ada.password)).toBe('outdated');
  });

  test('concurrent logins after a parameter change succeed with the right password only', async () => {
    const ada = await identity.createCustomer();
    const stronger = new TestIdentity(shop.store, { memoryCost: 128, timeCost: 2, parallelism: 1 });
    // All read the old hash before the first writes a new one.
    const { verify } = stronger.passwords;
    const passwords = [ada.password, ada.password, 'not the password'];
    const allVerified = createGate();
    let verifications = 0;
    stronger.passwords.verify = async (...args) => {
      const result = await verify(...args);
      verifications += 1;
      if (verifications >= passwords.length) allVerified.open();
      await allVerified.opened;
      return result;
    };
    const logIns = await Promise.allSettled(
      passwords.map((password) => logIn(stronger, ada.email, password)),
    );
    expect(logIns.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect((await shop.store.accounts.find(ada.customerId))?.passwordHash).toContain('m=128,t=2,p=1');
  });

  test('a password change during a rehash wins', async () => {
    const ada = await identity.createCustomer();
    const stronger = new TestIdentity(shop.store, { memoryCost: 128, timeCost: 2, parallelism: 1 });
    const change = { currentPassword: ada.password, newPassword: 'difference engine' };
    const { hash } = stronger.passwords;
    stronger.passwords.hash = async (password) => {
      await changePassword(identity, ada, change);
      return hash(password);
    };
    await expect(logIn(stronger, ada.email, ada.password)).rejects.toMatchObject(INVALID_CREDENTIALS);
    await logIn(identity, ada.email, 'difference engine');
  });

  test('a one-time token is consumed once, before its expiry and for its purpose', async () => {
    const { oneTimeTokens } = shop.store;
    const token = { id: 'ott_1', purpose: 'password_reset' as const, subject: 'cus_1', expiresAtMs: 10 };
    await shop.db.write((tx) => oneTimeTokens.add(token, tx));
    const use = (purpose: 'registration' | 'password_reset', nowMs: number) =>
      shop.db.write((tx) => oneTimeTokens.consume(token.id, purpose, nowMs, tx));
    expect([await use('registration', 10), await use('password_reset', 11)]).toEqual([null, null]);
    const uses = await Promise.all([1, 2, 3, 4, 5, 6].map((nowMs) => use('password_reset', nowMs)));
    expect(uses.filter((subject) => subject !== null)).toEqual(['cus_1']);
  });

  test('the streams of customers and one-time tokens are hash chains', async () => {
    const ada = await identity.createCustomer();
    await requestPasswordResetAndWait(identity, ada.email);
    const reads = createVerificationReader(shop.db);
    const streams = (await reads.listStreams('', 50)).filter((stream) => parseProductId(stream) === null);
    expect(streams).toEqual(expect.arrayContaining([ada.customerId, expect.stringMatching(/^ott_/)]));
    const [events, heads] = [await reads.findEvents(streams), await reads.findHeads(streams)];
    const readStored = (stream: string) => ({
      stream,
      rows: events.get(stream) ?? [],
      head: heads.get(stream),
    });
    expect(streams.flatMap((stream) => checkChain(readStored(stream), TEST_AUDIT_KEY))).toEqual([]);
    const { rows, head } = readStored(ada.customerId);
    const forged = rows.map((row, n) =>
      n === 0 ? { ...row, body: row.body.replace('customer', 'admin') } : row,
    );
    const findings = checkChain({ stream: ada.customerId, rows: forged, head }, TEST_AUDIT_KEY);
    expect(findings.map(({ check }) => check)).toEqual(['chain_broken']);
  });

  test('events contain no personal data', async () => {
    const ada = await identity.createCustomer();
    await registerAndWait(identity, ADA);
    await requestPasswordResetAndWait(identity, ada.email);
    const link = await identity.getLatestToken('PasswordResetRequested');
    await resetPassword(identity, link, 'difference engine');
    const log = JSON.stringify(await select(shop.db, 'SELECT * FROM events'));
    for (const secret of [
      ADA.email,
      'Ada',
      'engine',
      ada.refreshToken,
      link.split('.')[1] ?? '',
      '$argon2',
    ]) {
      expect(log).not.toContain(secret);
    }
  });
});

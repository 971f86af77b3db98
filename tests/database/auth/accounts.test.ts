import { select } from '../../../db/core/sql';
import { createVerificationReader } from '../../../db/verification/verification-reader';
import { parseProductId } from '../../../domain/shared/ids';
import { removeExpiredRecords } from '../../../services/auth/expired-records';
import { logIn } from '../../../services/auth/login';
import { newCustomerId } from '../../../services/auth/new-ids';
import { changePassword, resetPassword } from '../../../services/auth/password-change';
import { createPasswords } from '../../../services/auth/passwords';
import { confirmRegistration } from '../../../services/auth/registration';
import { refreshTokens } from '../../../services/auth/sessions';
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
  const guest = (email: string): Promise<string> =>
    shop.db.write((tx) => shop.store.contacts.findOrCreateCustomer(email, newCustomerId(), 1, tx));

  describe('registering', () => {
    test('makes an account when the address is confirmed, and logs in', async () => {
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

    test('gives a guest their orders: they carry the same customer', async () => {
      const customerId = await guest(ADA.email);
      const ada = await identity.createCustomer(ADA.email);
      expect(ada.customerId).toBe(customerId);
    });

    test('by a stranger: whoever owns the address and follows the link gives them no account', async () => {
      const strangers = { ...ADA, password: 'password of a stranger' };
      await registerAndWait(identity, strangers);
      const link = await newestLink();
      await registerAndWait(identity, ADA);
      const own = await newestLink();
      await expect(confirmRegistration(identity, link, ADA.password)).rejects.toMatchObject(
        INVALID_CREDENTIALS,
      );
      expect(await count('accounts')).toBe(0);

      await confirmRegistration(identity, own, ADA.password);
      await logIn(identity, ADA.email, ADA.password);
      await expect(confirmRegistration(identity, link, strangers.password)).rejects.toMatchObject({
        code: 'account_exists',
      });
      await expect(logIn(identity, ADA.email, strangers.password)).rejects.toMatchObject(INVALID_CREDENTIALS);
    });

    test('a wrong password leaves the link as it was, and a link that leads nowhere costs no hash', async () => {
      await registerAndWait(identity, ADA);
      const link = await newestLink();
      await expect(confirmRegistration(identity, link, 'not the password')).rejects.toMatchObject(
        INVALID_CREDENTIALS,
      );
      await confirmRegistration(identity, link, ADA.password);
      const before = identity.hashCount;
      for (const dead of [link, `${link}x`]) {
        await expect(confirmRegistration(identity, dead, ADA.password)).rejects.toMatchObject(LINK_EXPIRED);
      }
      expect(identity.hashCount).toBe(before);
    });

    test('a link works once, also when it is followed many times at once', async () => {
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

    test('several links of one address, followed at once, come to one account', async () => {
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

    test('a link has its time, and what waited for it is deleted', async () => {
      await registerAndWait(identity, ADA);
      const link = await newestLink();
      identity.nowMs += 24 * HOUR_MS + 1;
      await expect(confirmRegistration(identity, link, ADA.password)).rejects.toMatchObject(LINK_EXPIRED);
      await registerAndWait(identity, { ...ADA, email: 'eve@example.com' });
      await removeExpiredRecords(identity);
      expect(await count('pending_registrations')).toBe(1);
      expect(await count('one_time_tokens')).toBe(1);
    });

    test('an address that has an account already: nothing waits, and its owner is told', async () => {
      const ada = await identity.createCustomer();
      await registerAndWait(identity, ADA);
      expect(await count('pending_registrations')).toBe(0);
      expect((await identity.listEventTypes(ada.customerId)).at(-1)).toBe('DuplicateRegistrationAttempted');
    });
  });

  describe('nobody can tell whether an address has an account', () => {
    const hashesOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = identity.hashCount;
      await work().catch(() => undefined);
      return identity.hashCount - before;
    };

    test('by the work it makes to register', async () => {
      await identity.createCustomer();
      const known = await hashesOf(() => registerAndWait(identity, ADA));
      const unknown = await hashesOf(() =>
        registerAndWait(identity, { ...ADA, email: 'nobody@example.com' }),
      );
      expect([known, unknown]).toEqual([1, 1]);
    });

    test('by the work or the words of a log-in that fails', async () => {
      await identity.createCustomer();
      await guest('guest@example.com');
      const failures: unknown[] = [];
      for (const email of [ADA.email, 'nobody@example.com', 'guest@example.com']) {
        const attempt = () =>
          logIn(identity, email, 'not the password').catch((error: Error) => {
            failures.push([error.message, (error as { extensions?: unknown }).extensions]);
            throw error;
          });
        expect(await hashesOf(attempt)).toBe(1);
      }
      expect(new Set(failures.map((failure) => JSON.stringify(failure))).size).toBe(1);
    });

    test('by the work of asking for a new password', async () => {
      await identity.createCustomer();
      expect(await hashesOf(() => requestPasswordResetAndWait(identity, ADA.email))).toBe(0);
      expect(await hashesOf(() => requestPasswordResetAndWait(identity, 'nobody@example.com'))).toBe(0);
    });
  });

  describe('a new password', () => {
    test('is set by whoever gets the mail, and ends all sessions', async () => {
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

    test('by a link that works once, for an hour, and for nothing else', async () => {
      const ada = await identity.createCustomer();
      const ask = async () => {
        await requestPasswordResetAndWait(identity, ada.email);
        return identity.getLatestToken('PasswordResetRequested');
      };
      const link = await ask();
      const results = await Promise.allSettled(
        Array.from({ length: 5 }, (_, n) => resetPassword(identity, link, `difference engine ${n}`)),
      );
      expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);

      const late = await ask();
      identity.nowMs += HOUR_MS + 1;
      await expect(resetPassword(identity, late, 'too late for me')).rejects.toMatchObject(LINK_EXPIRED);
      await expect(confirmRegistration(identity, await ask(), ada.password)).rejects.toMatchObject(
        LINK_EXPIRED,
      );
      await registerAndWait(identity, { ...ADA, email: 'eve@example.com' });
      await expect(resetPassword(identity, await newestLink(), 'wrong purpose')).rejects.toMatchObject(
        LINK_EXPIRED,
      );
      for (const text of ['', 'ott_', `${await ask()}x`, 'ott_00000000000000000000000000.x']) {
        await expect(resetPassword(identity, text, 'no such link')).rejects.toMatchObject(LINK_EXPIRED);
      }
    });

    test('ends the other links that were asked for', async () => {
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

    test('needs the old one where somebody is logged in, and ends the other sessions', async () => {
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

    test('leaves no session to a log-in that was under way with the old one', async () => {
      const ada = await identity.createCustomer();
      await requestPasswordResetAndWait(identity, ada.email);
      const link = await identity.getLatestToken('PasswordResetRequested');
      const { verify } = identity.passwords;
      identity.passwords.verify = async (...args) => {
        const verdict = await verify(...args);
        await resetPassword(identity, link, 'difference engine');
        return verdict;
      };
      await expect(logIn(identity, ada.email, ada.password)).rejects.toMatchObject(INVALID_CREDENTIALS);
      expect(await count('sessions')).toBe(0);
    });
  });

  test('a hash of other parameters is brought up to date at the next log-in', async () => {
    const ada = await identity.createCustomer();
    const stronger = new TestIdentity(shop.store, { memoryCost: 128, timeCost: 2, parallelism: 1 });
    await logIn(stronger, ada.email, ada.password);
    const hash = (await shop.store.accounts.find(ada.customerId))?.passwordHash ?? '';
    expect(hash).toContain('m=128,t=2,p=1');
    await logIn(stronger, ada.email, ada.password);
    expect((await shop.store.accounts.find(ada.customerId))?.passwordHash).toBe(hash);
    expect(await createPasswords().verify(hash, ada.password)).toBe('outdated');
  });

  test('all who log in at once after the parameters have changed get in, with the right password only', async () => {
    const ada = await identity.createCustomer();
    const stronger = new TestIdentity(shop.store, { memoryCost: 128, timeCost: 2, parallelism: 1 });
    // All have read the old hash before the first writes a new one.
    const { verify } = stronger.passwords;
    const passwords = [ada.password, ada.password, 'not the password'];
    const allHaveRead = createGate();
    let read = 0;
    stronger.passwords.verify = async (...args) => {
      const verdict = await verify(...args);
      read += 1;
      if (read >= passwords.length) allHaveRead.open();
      await allHaveRead.opened;
      return verdict;
    };
    const logIns = await Promise.allSettled(passwords.map((word) => logIn(stronger, ada.email, word)));
    expect(logIns.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect((await shop.store.accounts.find(ada.customerId))?.passwordHash).toContain('m=128,t=2,p=1');
  });

  test('a new password that is set while an old hash is brought up to date is the one that counts', async () => {
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

  test('of all who use a one-time token one succeeds, in its time and for its purpose', async () => {
    const { oneTimeTokens } = shop.store;
    const token = { id: 'ott_1', purpose: 'password_reset' as const, subject: 'cus_1', expiresAtMs: 10 };
    await shop.db.write((tx) => oneTimeTokens.add(token, tx));
    const use = (purpose: 'registration' | 'password_reset', nowMs: number) =>
      shop.db.write((tx) => oneTimeTokens.consume(token.id, purpose, nowMs, tx));
    expect([await use('registration', 10), await use('password_reset', 11)]).toEqual([null, null]);
    const uses = await Promise.all([1, 2, 3, 4, 5, 6].map((nowMs) => use('password_reset', nowMs)));
    expect(uses.filter((subject) => subject !== null)).toEqual(['cus_1']);
  });

  test('the streams of people are chained like all others', async () => {
    const ada = await identity.createCustomer();
    await requestPasswordResetAndWait(identity, ada.email);
    const reads = createVerificationReader(shop.db);
    const streams = (await reads.listStreams('', 50)).filter((stream) => parseProductId(stream) === null);
    expect(streams).toEqual(expect.arrayContaining([ada.customerId, expect.stringMatching(/^ott_/)]));
    const [events, heads] = [await reads.findEvents(streams), await reads.findHeads(streams)];
    const stored = (stream: string) => ({ stream, rows: events.get(stream) ?? [], head: heads.get(stream) });
    expect(streams.flatMap((stream) => checkChain(stored(stream), TEST_AUDIT_KEY))).toEqual([]);
    const { rows, head } = stored(ada.customerId);
    const forged = rows.map((row, n) =>
      n === 0 ? { ...row, body: row.body.replace('customer', 'admin') } : row,
    );
    const findings = checkChain({ stream: ada.customerId, rows: forged, head }, TEST_AUDIT_KEY);
    expect(findings.map(({ check }) => check)).toEqual(['chain_broken']);
  });

  test('no event says anything of a person', async () => {
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

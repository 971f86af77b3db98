import { MAX_SESSIONS } from '../../../db/auth/sessions';
import { select } from '../../../db/core/sql';
import { removeExpiredRecords } from '../../../services/auth/expired-records';
import { logIn } from '../../../services/auth/login';
import {
  logOut,
  logOutEverywhere,
  REUSE_GRACE_MS,
  refreshTokens,
  revokeSession,
} from '../../../services/auth/sessions';
import { type TestCustomer, TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const DAY_MS = 24 * 60 * 60_000;
const INVALID_REFRESH_TOKEN = { code: 'invalid_refresh_token' };

describe.each(DIALECTS)('sessions on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  let ada: TestCustomer;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    identity = new TestIdentity(shop.store);
    ada = await identity.createCustomer();
  });
  afterEach(() => shop?.close());

  const rotate = async (token: string): Promise<string> =>
    (await refreshTokens(identity, token)).refreshToken;
  const sessions = () => shop.store.sessions.findByCustomer(ada.customerId, identity.nowMs);
  const advanceClock = (ms: number) => {
    identity.nowMs += ms;
  };

  test('a refresh token returns new tokens of the same session', async () => {
    const tokens = await refreshTokens(identity, ada.refreshToken);
    expect(tokens.refreshToken).not.toBe(ada.refreshToken);
    expect(await identity.accessTokens.verify(tokens.accessToken)).toEqual({
      customerId: ada.customerId,
      role: 'customer',
      sessionId: ada.sessionId,
    });
    expect(await sessions()).toHaveLength(1);
  });

  test('reusing a rotated token revokes the session for both of its holders', async () => {
    const successor = await rotate(ada.refreshToken);
    const current = await rotate(successor);
    await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    await expect(refreshTokens(identity, current)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    expect(await sessions()).toEqual([]);
    expect((await identity.listEventTypes(ada.customerId)).at(-1)).toBe('SessionRevoked');
  });

  test('a token whose response was lost can be rotated again within the grace period', async () => {
    const lost = await rotate(ada.refreshToken);
    advanceClock(REUSE_GRACE_MS);
    const second = await rotate(ada.refreshToken);
    expect(second).not.toBe(lost);
    await rotate(second);
    expect(await sessions()).toHaveLength(1);
  });

  test('reusing a token after the grace period revokes the session', async () => {
    await rotate(ada.refreshToken);
    advanceClock(REUSE_GRACE_MS + 1);
    await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    expect(await sessions()).toEqual([]);
  });

  test('rotating a token invalidates its siblings, even within the grace period', async () => {
    const [lost, sibling] = [await rotate(ada.refreshToken), await rotate(ada.refreshToken)];
    await rotate(lost);
    await expect(refreshTokens(identity, sibling)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    expect(await sessions()).toEqual([]);
  });

  test('detects reuse and revokes the session in one transaction', async () => {
    await rotate(await rotate(ada.refreshToken));
    const write = jest.spyOn(shop.store.db, 'write');
    await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    expect(write).toHaveBeenCalledTimes(1);
    expect(await sessions()).toEqual([]);
  });

  test('reuse within the grace period revokes the session once the successor was used', async () => {
    await rotate(await rotate(ada.refreshToken));
    advanceClock(1);
    await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    expect(await sessions()).toEqual([]);
  });

  test('concurrent refreshes with one token do not revoke the session', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => rotate(ada.refreshToken)));
    const tokens = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(tokens.length).toBeGreaterThan(0);
    expect(await sessions()).toHaveLength(1);
    expect((await identity.listEventTypes(ada.customerId)).includes('SessionRevoked')).toBe(false);
    await rotate(tokens.at(-1) ?? '');
  });

  test('a session continues with either token of each concurrent refresh', async () => {
    let token = ada.refreshToken;
    for (let n = 0; n < 10; n += 1) {
      const [first, retried] = await Promise.all([rotate(token), rotate(token)]);
      token = n % 2 === 0 ? first : retried;
    }
    expect(await sessions()).toHaveLength(1);
  });

  test('a session expires after 30 idle days, and after 180 days in any case', async () => {
    let token = ada.refreshToken;
    for (let day = 0; day < 174; day += 29) {
      advanceClock(29 * DAY_MS);
      token = await rotate(token);
    }
    advanceClock(7 * DAY_MS);
    await expect(refreshTokens(identity, token)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);

    const idle = await logIn(identity, ada.email, ada.password);
    advanceClock(30 * DAY_MS);
    await expect(refreshTokens(identity, idle.refreshToken)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
  });

  test('rejects any text that is not an issued token', async () => {
    for (const text of ['', 'x', `${ada.refreshToken}x`, ada.accessToken, 'A'.repeat(43), "' OR 1=1 --"]) {
      await expect(refreshTokens(identity, text)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
      await logOut(identity, text);
    }
    expect(await sessions()).toHaveLength(1);
  });

  test('logging out revokes only the session of the token, rotated or not', async () => {
    const other = await logIn(identity, ada.email, ada.password);
    await rotate(ada.refreshToken);
    await logOut(identity, ada.refreshToken);
    await logOut(identity, ada.refreshToken);
    expect((await sessions()).map(({ id }) => id)).not.toContain(ada.sessionId);
    await rotate(other.refreshToken);
    const types = await identity.listEventTypes(ada.customerId);
    expect(types.filter((type) => type === 'SessionRevoked')).toHaveLength(1);
  });

  test('logging out everywhere revokes all own sessions; the sessions of others cannot be revoked', async () => {
    const eve = await identity.createCustomer('eve@example.com');
    const self = { kind: 'customer' as const, id: eve.customerId };
    expect(await revokeSession(identity, eve.customerId, ada.sessionId, 'logout', self)).toBe(false);
    await logIn(identity, ada.email, ada.password);
    await logOutEverywhere(identity, ada.customerId, self);
    expect(await sessions()).toEqual([]);
    await rotate(eve.refreshToken);
  });

  test('stores only the hash of a token', async () => {
    const successor = await rotate(ada.refreshToken);
    const rows = await select<{ hash: string }>(shop.db, 'SELECT hash FROM refresh_tokens');
    expect(rows).toHaveLength(2);
    for (const token of [ada.refreshToken, successor]) expect(JSON.stringify(rows)).not.toContain(token);
  });

  test('a login beyond the session limit revokes the least recently used session', async () => {
    for (let n = 1; n < MAX_SESSIONS; n += 1) {
      advanceClock(1);
      await logIn(identity, ada.email, ada.password);
    }
    advanceClock(1);
    const token = await rotate(ada.refreshToken);
    await logIn(identity, ada.email, ada.password);
    const live = await sessions();
    expect(live).toHaveLength(MAX_SESSIONS);
    expect(live.map(({ id }) => id)).toContain(ada.sessionId);
    await rotate(token);
  });

  test('deletes only expired records', async () => {
    const count = async (table: string) =>
      (await select<{ n: number }>(shop.db, `SELECT COUNT(*) AS n FROM ${table}`))[0]?.n;
    await rotate(ada.refreshToken);
    advanceClock(31 * DAY_MS);
    const eve = await identity.createCustomer('eve@example.com');
    await removeExpiredRecords(identity);
    expect(await count('sessions')).toBe(1);
    expect(await count('refresh_tokens')).toBe(1);
    expect((await shop.store.sessions.find(eve.sessionId))?.customerId).toBe(eve.customerId);
  });
});

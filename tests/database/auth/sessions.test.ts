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

  const next = async (token: string): Promise<string> => (await refreshTokens(identity, token)).refreshToken;
  const sessions = () => shop.store.sessions.findByCustomer(ada.customerId, identity.nowMs);
  const later = (ms: number) => {
    identity.nowMs += ms;
  };

  test('a refresh token gives new tokens of the same session', async () => {
    const tokens = await refreshTokens(identity, ada.refreshToken);
    expect(tokens.refreshToken).not.toBe(ada.refreshToken);
    expect(await identity.accessTokens.verify(tokens.accessToken)).toEqual({
      customerId: ada.customerId,
      role: 'customer',
      sessionId: ada.sessionId,
    });
    expect(await sessions()).toHaveLength(1);
  });

  test('a token that was used before ends the session of both who have it', async () => {
    const successor = await next(ada.refreshToken);
    const current = await next(successor);
    await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    await expect(refreshTokens(identity, current)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    expect(await sessions()).toEqual([]);
    expect((await identity.listEventTypes(ada.customerId)).at(-1)).toBe('SessionRevoked');
  });

  test('a token whose answer was lost is good for another successor, for a moment', async () => {
    const lost = await next(ada.refreshToken);
    later(REUSE_GRACE_MS);
    const second = await next(ada.refreshToken);
    expect(second).not.toBe(lost);
    await next(second);
    expect(await sessions()).toHaveLength(1);
  });

  test('a token that is used again after that moment ends the session', async () => {
    await next(ada.refreshToken);
    later(REUSE_GRACE_MS + 1);
    await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    expect(await sessions()).toEqual([]);
  });

  test('a sibling of the token that was used is used up with it, also within that moment', async () => {
    const [lost, sibling] = [await next(ada.refreshToken), await next(ada.refreshToken)];
    await next(lost);
    await expect(refreshTokens(identity, sibling)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    expect(await sessions()).toEqual([]);
  });

  test('a reuse is found and its session ended in one transaction', async () => {
    await next(await next(ada.refreshToken));
    const write = jest.spyOn(shop.store.db, 'write');
    await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    expect(write).toHaveBeenCalledTimes(1);
    expect(await sessions()).toEqual([]);
  });

  test('within that moment, too, once its successor was used', async () => {
    await next(await next(ada.refreshToken));
    later(1);
    await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
    expect(await sessions()).toEqual([]);
  });

  test('many that refresh with one token at once: none ends the session', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => next(ada.refreshToken)));
    const tokens = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(tokens.length).toBeGreaterThan(0);
    expect(await sessions()).toHaveLength(1);
    expect((await identity.listEventTypes(ada.customerId)).includes('SessionRevoked')).toBe(false);
    await next(tokens.at(-1) ?? '');
  });

  test('one client after another goes on, each with the token it was given last', async () => {
    let token = ada.refreshToken;
    for (let n = 0; n < 10; n += 1) {
      const [first, retried] = await Promise.all([next(token), next(token)]);
      token = n % 2 === 0 ? first : retried;
    }
    expect(await sessions()).toHaveLength(1);
  });

  test('a session ends when it rests for 30 days, and in any case after 180', async () => {
    let token = ada.refreshToken;
    for (let day = 0; day < 174; day += 29) {
      later(29 * DAY_MS);
      token = await next(token);
    }
    later(7 * DAY_MS);
    await expect(refreshTokens(identity, token)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);

    const resting = await logIn(identity, ada.email, ada.password);
    later(30 * DAY_MS);
    await expect(refreshTokens(identity, resting.refreshToken)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
  });

  test('what is none of our tokens is refused, whatever it is', async () => {
    for (const text of ['', 'x', `${ada.refreshToken}x`, ada.accessToken, 'A'.repeat(43), "' OR 1=1 --"]) {
      await expect(refreshTokens(identity, text)).rejects.toMatchObject(INVALID_REFRESH_TOKEN);
      await logOut(identity, text);
    }
    expect(await sessions()).toHaveLength(1);
  });

  test('logging out ends the session of the token, used or not, and no other', async () => {
    const other = await logIn(identity, ada.email, ada.password);
    await next(ada.refreshToken);
    await logOut(identity, ada.refreshToken);
    await logOut(identity, ada.refreshToken);
    expect((await sessions()).map(({ id }) => id)).not.toContain(ada.sessionId);
    await next(other.refreshToken);
    const story = await identity.listEventTypes(ada.customerId);
    expect(story.filter((type) => type === 'SessionRevoked')).toHaveLength(1);
  });

  test('logging out everywhere ends all, and nobody can end those of somebody else', async () => {
    const eve = await identity.createCustomer('eve@example.com');
    const self = { kind: 'customer' as const, id: eve.customerId };
    expect(await revokeSession(identity, eve.customerId, ada.sessionId, 'logout', self)).toBe(false);
    await logIn(identity, ada.email, ada.password);
    await logOutEverywhere(identity, ada.customerId, self);
    expect(await sessions()).toEqual([]);
    await next(eve.refreshToken);
  });

  test('nothing of a token is stored but its hash', async () => {
    const successor = await next(ada.refreshToken);
    const rows = await select<{ hash: string }>(shop.db, 'SELECT hash FROM refresh_tokens');
    expect(rows).toHaveLength(2);
    for (const token of [ada.refreshToken, successor]) expect(JSON.stringify(rows)).not.toContain(token);
  });

  test('one more log-in than there may be ends the session that was used the longest ago', async () => {
    for (let n = 1; n < MAX_SESSIONS; n += 1) {
      later(1);
      await logIn(identity, ada.email, ada.password);
    }
    later(1);
    const token = await next(ada.refreshToken);
    await logIn(identity, ada.email, ada.password);
    const live = await sessions();
    expect(live).toHaveLength(MAX_SESSIONS);
    expect(live.map(({ id }) => id)).toContain(ada.sessionId);
    await next(token);
  });

  test('what has expired is deleted, and nothing else', async () => {
    const count = async (table: string) =>
      (await select<{ n: number }>(shop.db, `SELECT COUNT(*) AS n FROM ${table}`))[0]?.n;
    await next(ada.refreshToken);
    later(31 * DAY_MS);
    const eve = await identity.createCustomer('eve@example.com');
    await removeExpiredRecords(identity);
    expect(await count('sessions')).toBe(1);
    expect(await count('refresh_tokens')).toBe(1);
    expect((await shop.store.sessions.find(eve.sessionId))?.customerId).toBe(eve.customerId);
  });
});

import { pino } from 'pino';
import type { Tokens } from '../../../api/auth/schemas';
import { createApp } from '../../../api/http/app';
import { type ApiServer, listen } from '../../../api/http/server';
import type { Sessions } from '../../../db/auth/sessions';
import { select } from '../../../db/core/sql';
import type { Store } from '../../../db/core/store';
import { eventually } from '../../harness/eventually';
import { createApiContext } from '../../harness/http/api-context';
import { sendRequest } from '../../harness/http/http-client';
import { TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const DAY_MS = 24 * 60 * 60_000;
const ADA = { email: 'ada@example.com', password: 'analytical engine' };

describe.each(DIALECTS)('expired data on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  let api: ApiServer;
  let logLines: string[];
  let findExpired: Sessions['findExpired'];
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    findExpired = shop.store.sessions.findExpired;
    logLines = [];
    const sessions: Sessions = { ...shop.store.sessions, findExpired: (...args) => findExpired(...args) };
    const store: Store = { ...shop.store, sessions };
    identity = new TestIdentity(store);
    const log = pino({ level: 'warn' }, { write: (line) => logLines.push(line) });
    api = await listen(createApp(createApiContext({ store, auth: identity, log })), '127.0.0.1', 0);
  });
  afterEach(async () => {
    await api?.stop(0);
    await shop?.close();
  });

  const post = (path: string) => {
    const { email, password } = ADA;
    const body = path === 'password-reset' ? { email } : { email, password };
    return sendRequest<Tokens>(`${api.url}/api/auth/${path}`, { body });
  };
  const sessionIds = async () =>
    (await select<{ id: string }>(shop.db, 'SELECT id FROM sessions')).map((s) => s.id);

  test.each(['login', 'register', 'password-reset'])('is deleted after %s', async (path) => {
    const { sessionId } = await identity.createCustomer();
    identity.nowMs += 31 * DAY_MS;
    expect(await sessionIds()).toContain(sessionId);
    expect([200, 202]).toContain((await post(path)).status);
    await eventually('the session is deleted', async () => !(await sessionIds()).includes(sessionId));
    expect(logLines).toEqual([]);
  });

  test.each(['login', 'register', 'password-reset'])(
    'does not fail %s when the deletion fails, and the error is logged',
    async (path) => {
      await identity.createCustomer();
      findExpired = () => Promise.reject(new Error('connection lost'));
      const { status, body } = await post(path);
      expect(status).toBe(path === 'login' ? 200 : 202);
      if (path === 'login') expect(await identity.accessTokens.verify(body.accessToken)).not.toBeNull();
      await eventually('a log line', async () => logLines.length > 0);
      expect(logLines).toHaveLength(1);
      expect(JSON.parse(logLines[0] ?? '')).toMatchObject({
        msg: 'expired records not deleted',
        err: { message: 'connection lost' },
      });
    },
  );
});

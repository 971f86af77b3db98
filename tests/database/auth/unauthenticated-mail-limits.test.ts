import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { createApp } from '../../../api/http/app';
import { RateLimiter } from '../../../api/http/limits/rate-limiter';
import { type ApiServer, listen } from '../../../api/http/server';
import type { Database } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import type { Store } from '../../../db/core/store';
import { createApiContext } from '../../harness/http/api-context';
import { sendRequest } from '../../harness/http/http-client';
import { TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const MAILS_PER_HOUR = 2;
/** A response takes far less, unless it waits for a blocked write. */
const RESPONSE_TIMEOUT_MS = 5_000;
const log = pino({ level: 'silent' });

describe.each(DIALECTS)('unauthenticated mail limits on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  let api: ApiServer;
  /** Started writes; each waits for `gate` first. */
  let writes: Promise<unknown>[];
  let gate: Promise<void>;
  let release: () => void;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    identity = new TestIdentity(shop.store);
    writes = [];
    gate = Promise.resolve();
    release = () => undefined;
    const delayed = <T>(write: () => Promise<T>): Promise<T> => {
      const pending = gate.then(write);
      writes.push(pending);
      return pending;
    };
    const db: Database = { ...shop.db, write: (work) => delayed(() => shop.db.write(work)) };
    const store: Store = { ...shop.store, db };
    const ctx = createApiContext({
      store,
      auth: Object.assign(new TestIdentity(store), { linkTokens: identity.linkTokens }),
      rateLimiter: new RateLimiter({ store: shop.store.rateLimits, hashKey: Buffer.alloc(32, 3), log }),
      rateLimits: { address: 0, principal: 0, placement: 0, login: 0, mailbox: MAILS_PER_HOUR },
    });
    api = await listen(createApp(ctx), '127.0.0.1', 0);
  });
  afterEach(async () => {
    release();
    await api?.stop(0);
    await allWritesFinished();
    await shop?.close();
  });

  const post = async (path: string, email: string) => {
    const body = path === 'register' ? { email, password: 'analytical engine' } : { email };
    const { status, text } = await sendRequest(`${api.url}/api/auth/${path}`, {
      body,
      timeoutMs: RESPONSE_TIMEOUT_MS,
    });
    return { status, text };
  };
  /** Resolves when no write is pending, including writes that follow another write. */
  const allWritesFinished = async (): Promise<void> => {
    for (let finished = -1; finished < writes.length; await setImmediate()) {
      finished = writes.length;
      await Promise.all(writes);
    }
  };
  const count = async (table: string): Promise<number> =>
    Number((await select<{ n: number }>(shop.db, `SELECT COUNT(*) AS n FROM ${table}`))[0]?.n);

  test.each(['register', 'password-reset'])(
    '%s responds alike for a known and an unknown email address while writes are blocked',
    async (path) => {
      await identity.createCustomer('ada@example.com');
      const before = await count('events');
      gate = new Promise((resolve) => {
        release = resolve;
      });
      const known = await post(path, 'ada@example.com');
      const unknown = await post(path, 'unknown@example.com');
      expect(known.status).toBe(202);
      expect(unknown).toEqual(known);
      expect(await count('events')).toBe(before);
      release();
      await allWritesFinished();
      expect(await count('events')).toBe(before + (path === 'register' ? 2 : 1));
    },
  );

  test.each(['register', 'password-reset'])(
    '%s sends a few mails to one email address, then responds the same and writes nothing',
    async (path) => {
      await identity.createCustomer('ada@example.com');
      const before = await count('events');
      const responses = [];
      for (const email of ['ada@example.com', 'ADA@example.com', ' Ada@Example.com', 'ada@example.com']) {
        responses.push(await post(path, email));
      }
      expect(new Set(responses.map((response) => JSON.stringify(response))).size).toBe(1);
      await allWritesFinished();
      expect(await count('events')).toBe(before + MAILS_PER_HOUR);
      await post(path === 'register' ? 'password-reset' : 'register', 'ada@example.com');
      await allWritesFinished();
      expect(await count('events')).toBe(before + MAILS_PER_HOUR + 1);
      expect(JSON.stringify(await select(shop.db, 'SELECT * FROM rate_limits'))).not.toContain('ada@');
    },
  );
});

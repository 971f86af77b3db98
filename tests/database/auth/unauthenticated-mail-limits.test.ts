import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { createApp } from '../../../api/http/app';
import { RateLimiter } from '../../../api/http/rate-limiter';
import { type ApiServer, listen } from '../../../api/http/server';
import type { Database } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import type { Store } from '../../../db/core/store';
import { createApiContext } from '../../harness/http/api-context';
import { sendRequest } from '../../harness/http/http-client';
import { TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const MAILS_PER_HOUR = 2;
/** Long before this an answer is there, unless it waits for what is held. */
const RESPONSE_TIMEOUT_MS = 5_000;
const log = pino({ level: 'silent' });

describe.each(DIALECTS)('what strangers have mailed, on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  let api: ApiServer;
  /** Writes that were begun, and what each waits for first. */
  let writes: Promise<unknown>[];
  let gate: Promise<void>;
  let release: () => void;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    identity = new TestIdentity(shop.store);
    writes = [];
    gate = Promise.resolve();
    release = () => undefined;
    const held = <T>(write: () => Promise<T>): Promise<T> => {
      const written = gate.then(write);
      writes.push(written);
      return written;
    };
    const db: Database = { ...shop.db, write: (work) => held(() => shop.db.write(work)) };
    const store: Store = { ...shop.store, db };
    const ctx = createApiContext({
      store,
      identity: Object.assign(new TestIdentity(store), { linkTokens: identity.linkTokens }),
      rateLimiter: new RateLimiter({ store: shop.store.rateLimits, hashKey: Buffer.alloc(32, 3), log }),
      rateLimits: { address: 0, principal: 0, placement: 0, login: 0, mailbox: MAILS_PER_HOUR },
    });
    api = await listen(createApp(ctx), '127.0.0.1', 0);
  });
  afterEach(async () => {
    release();
    await api?.stop(0);
    await untilWritten();
    await shop?.close();
  });

  const ask = async (path: string, email: string) => {
    const body = path === 'register' ? { email, password: 'analytical engine' } : { email };
    const { status, text } = await sendRequest(`${api.url}/api/auth/${path}`, {
      body,
      timeoutMs: RESPONSE_TIMEOUT_MS,
    });
    return { status, text };
  };
  /** Until nothing more is written; what follows on a write is begun by then. */
  const untilWritten = async (): Promise<void> => {
    for (let seen = -1; seen < writes.length; await setImmediate()) {
      seen = writes.length;
      await Promise.all(writes);
    }
  };
  const count = async (table: string): Promise<number> =>
    Number((await select<{ n: number }>(shop.db, `SELECT COUNT(*) AS n FROM ${table}`))[0]?.n);

  test.each(['register', 'password-reset'])(
    '%s is answered alike for an address with an account and one without, while nothing can be written',
    async (path) => {
      await identity.createCustomer('ada@example.com');
      const before = await count('events');
      gate = new Promise((resolve) => {
        release = resolve;
      });
      const known = await ask(path, 'ada@example.com');
      const unknown = await ask(path, 'nobody@example.com');
      expect(known.status).toBe(202);
      expect(unknown).toEqual(known);
      expect(await count('events')).toBe(before);
      release();
      await untilWritten();
      expect(await count('events')).toBe(before + (path === 'register' ? 2 : 1));
    },
  );

  test.each(['register', 'password-reset'])(
    '%s has a few mails sent to one address; then the answer is the same, and nothing is written',
    async (path) => {
      await identity.createCustomer('ada@example.com');
      const before = await count('events');
      const answers = [];
      for (const email of ['ada@example.com', 'ADA@example.com', ' Ada@Example.com', 'ada@example.com']) {
        answers.push(await ask(path, email));
      }
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
      await untilWritten();
      expect(await count('events')).toBe(before + MAILS_PER_HOUR);
      await ask(path === 'register' ? 'password-reset' : 'register', 'ada@example.com');
      await untilWritten();
      expect(await count('events')).toBe(before + MAILS_PER_HOUR + 1);
      expect(JSON.stringify(await select(shop.db, 'SELECT * FROM rate_limits'))).not.toContain('ada@');
    },
  );
});
